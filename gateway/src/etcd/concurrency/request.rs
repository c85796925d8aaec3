//! The requests to KV that locks and elections are made of. A lock or election of some name is the
//! prefix `name/`; who wants it has a key there, `name/` and its lease in hexadecimal; the oldest
//! key by create revision has it.

use bytes::Bytes;
use quorate_core::types::Revision;
use quorate_proto::{etcdserverpb as pb, mvccpb};

/// The prefix of a lock or an election.
pub fn prefix(name: &[u8]) -> Bytes {
    [name, b"/"].concat().into()
}

/// The key of a lease under a prefix. Go prints a negative number in hexadecimal with its sign.
pub fn key(prefix: &[u8], lease: i64) -> Bytes {
    let sign = if lease < 0 { "-" } else { "" };
    let suffix = format!("{sign}{:x}", lease.unsigned_abs());
    [prefix, suffix.as_bytes()].concat().into()
}

/// The key behind the last one of a prefix, which ends with a slash.
pub fn prefix_end(prefix: &[u8]) -> Bytes {
    let mut end = prefix.to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end.into()
}

pub fn one(key: &Bytes) -> pb::RangeRequest {
    pb::RangeRequest {
        key: key.clone(),
        ..Default::default()
    }
}

/// The oldest key of a prefix: who has it.
pub fn oldest(prefix: &Bytes) -> pb::RangeRequest {
    of_prefix(prefix, pb::range_request::SortOrder::Ascend)
}

/// The youngest key that is older than `rev`: whom the owner of `rev` waits for.
pub fn before(prefix: &Bytes, rev: Revision) -> pb::RangeRequest {
    pb::RangeRequest {
        max_create_revision: rev - 1,
        ..of_prefix(prefix, pb::range_request::SortOrder::Descend)
    }
}

fn of_prefix(prefix: &Bytes, order: pb::range_request::SortOrder) -> pb::RangeRequest {
    pb::RangeRequest {
        key: prefix.clone(),
        range_end: prefix_end(prefix),
        limit: 1,
        sort_order: order as i32,
        sort_target: pb::range_request::SortTarget::Create as i32,
        ..Default::default()
    }
}

pub fn put(key: &Bytes, value: &Bytes, lease: i64) -> pb::PutRequest {
    pb::PutRequest {
        key: key.clone(),
        value: value.clone(),
        lease,
        ..Default::default()
    }
}

pub fn delete(key: &Bytes) -> pb::DeleteRangeRequest {
    pb::DeleteRangeRequest {
        key: key.clone(),
        ..Default::default()
    }
}

/// A txn that goes one way if `key` was created at `rev` (0: isn't there), else the other.
pub fn if_created(
    key: &Bytes,
    rev: Revision,
    then: Vec<pb::request_op::Request>,
    otherwise: Vec<pb::request_op::Request>,
) -> pb::TxnRequest {
    use pb::compare::{CompareResult, CompareTarget, TargetUnion};
    let ops = |requests: Vec<pb::request_op::Request>| {
        requests.into_iter().map(pb::RequestOp::from).collect()
    };
    pb::TxnRequest {
        compare: vec![pb::Compare {
            result: CompareResult::Equal as i32,
            target: CompareTarget::Create as i32,
            key: key.clone(),
            target_union: Some(TargetUnion::CreateRevision(rev)),
            ..Default::default()
        }],
        success: ops(then),
        failure: ops(otherwise),
    }
}

/// What the op at `position` of a txn found; nothing if it is no range.
pub fn found(response: &pb::TxnResponse, position: usize) -> Option<&mvccpb::KeyValue> {
    use pb::response_op::Response;
    match &response.responses.get(position)?.response {
        Some(Response::ResponseRange(range)) => range.kvs.first(),
        _ => None,
    }
}

/// The revision in a header.
pub fn revision(header: Option<&pb::ResponseHeader>) -> Revision {
    header.map_or(0, |header| header.revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_gos_clients() {
        assert_eq!(key(b"a/", 0x7b), "a/7b");
        assert_eq!(key(b"a/", -1), "a/-1");
        assert_eq!(key(b"a/", i64::MIN), "a/-8000000000000000");
        assert_eq!(prefix_end(&prefix(b"")), "0");
        assert_eq!(prefix_end(&prefix(b"a")), "a0");
    }
}
