//! A txn that reads the same large key again and again: its answer has a bound, what it writes is
//! written.

use bytes::Bytes;
use quorate_proto::etcdserverpb as pb;
use quorate_proto::etcdserverpb::request_op::Request;

use crate::bystanders::connect;

const VALUE_BYTES: usize = 1_000_000;
/// As many reads as etcd lets a txn have, beside one put.
const READS: usize = 127;
const SAID: &str = "quorate: the ranges of this transaction return too much for an answer, at \
                    most 32 MiB; what it writes is written";

pub async fn large_answer(port: u16) {
    let mut kv = connect(port).await;
    let large = put("large", vec![b'x'; VALUE_BYTES]);
    kv.put(large).await.expect("a put");
    let read = pb::RangeRequest {
        key: "large".into(),
        ..Default::default()
    };
    let reads: Vec<pb::RequestOp> = vec![Request::RequestRange(read).into(); READS];
    let mut all = reads.clone();
    all.push(Request::RequestPut(put("beside", "")).into());
    for success in [reads, all] {
        let txn = pb::TxnRequest {
            success,
            ..Default::default()
        };
        let refused = kv.txn(txn).await.expect_err("too large an answer");
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
        assert_eq!(refused.message(), SAID);
    }
    for (key, what) in [("beside", "written beside"), ("large", "put before")] {
        let deletion = pb::DeleteRangeRequest {
            key: key.into(),
            ..Default::default()
        };
        let deleted = kv.delete_range(deletion).await.expect("a delete");
        assert_eq!(deleted.into_inner().deleted, 1, "{what}");
    }
}

fn put(key: &'static str, value: impl Into<Bytes>) -> pb::PutRequest {
    pb::PutRequest {
        key: key.into(),
        value: value.into(),
        ..Default::default()
    }
}
