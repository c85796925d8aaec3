//! A txn that reads the same large key again and again: its answer has a bound, what it writes is
//! written.

use quorate_proto::etcdserverpb as pb;
use tonic::transport::Channel;

use crate::bystanders::connect;

const VALUE_BYTES: usize = 1_000_000;
/// As many reads as etcd lets a txn have, beside one put.
const READS: usize = 127;
const SAID: &str = "quorate: the ranges of this transaction return too much for an answer, at \
                    most 32 MiB; what it writes is written";

pub async fn large_answer(port: u16) {
    let mut kv = connect(port).await;
    put_large(&mut kv).await;
    let reads = vec![read("large"); READS];
    let mut all = reads.clone();
    all.push(write("beside"));
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

async fn put_large(kv: &mut pb::kv_client::KvClient<Channel>) {
    let put = pb::PutRequest {
        key: "large".into(),
        value: vec![b'x'; VALUE_BYTES].into(),
        ..Default::default()
    };
    kv.put(put).await.expect("a put");
}

fn read(key: &'static str) -> pb::RequestOp {
    let range = pb::RangeRequest {
        key: key.into(),
        ..Default::default()
    };
    pb::RequestOp {
        request: Some(pb::request_op::Request::RequestRange(range)),
    }
}

fn write(key: &'static str) -> pb::RequestOp {
    let put = pb::PutRequest {
        key: key.into(),
        ..Default::default()
    };
    pb::RequestOp {
        request: Some(pb::request_op::Request::RequestPut(put)),
    }
}
