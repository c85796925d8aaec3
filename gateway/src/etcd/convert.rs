//! From etcd's requests to the core's commands, and from the core's outcomes to etcd's replies.
//!
//! Requests have passed `check` before they come here, so every conversion is total.

use std::sync::Arc;

use bytes::Bytes;
use quorate_core::command::{
    DeleteOp, Direction, Guard, Life, Op, Order, PutOp, PutValue, RangeOp, Relation, SortTarget,
    Test, Txn,
};
use quorate_core::outcome::{OpResult, RangeResult, TxnOutcome};
use quorate_core::types::{KeyRange, KeyValue, LeaseId, Revision, Value};
use quorate_proto::etcdserverpb as pb;
use quorate_proto::mvccpb;
use tonic::Status;

use super::{error, render};

/// etcd's rule: no end is the one key, an end of one zero byte is all from the key on.
pub fn key_range(key: &Bytes, range_end: &Bytes) -> KeyRange {
    match range_end.as_ref() {
        b"" => KeyRange::Key(key.clone()),
        b"\0" => KeyRange::From(key.clone()),
        _ => KeyRange::Span(key.clone(), range_end.clone()),
    }
}

pub fn range_op(request: &pb::RangeRequest) -> RangeOp {
    RangeOp {
        range: key_range(&request.key, &request.range_end),
        revision: request.revision,
        limit: u64::try_from(request.limit).unwrap_or(0),
        order: order(request),
        keys_only: request.keys_only,
        count_only: request.count_only,
        mod_bounds: (request.min_mod_revision, request.max_mod_revision),
        create_bounds: (request.min_create_revision, request.max_create_revision),
    }
}

fn order(request: &pb::RangeRequest) -> Order {
    use pb::range_request as wire;
    Order {
        target: match request.sort_target() {
            wire::SortTarget::Key => SortTarget::Key,
            wire::SortTarget::Version => SortTarget::Version,
            wire::SortTarget::Create => SortTarget::Create,
            wire::SortTarget::Mod => SortTarget::Mod,
            wire::SortTarget::Value => SortTarget::Value,
        },
        direction: match request.sort_order() {
            wire::SortOrder::None => Direction::Natural,
            wire::SortOrder::Ascend => Direction::Ascending,
            wire::SortOrder::Descend => Direction::Descending,
        },
    }
}

pub fn put_op(request: pb::PutRequest) -> PutOp {
    PutOp {
        key: request.key,
        value: if request.ignore_value {
            PutValue::Keep
        } else {
            PutValue::Set(Value::Bytes(request.value))
        },
        life: match request.lease {
            _ if request.ignore_lease => Life::Keep { must_exist: true },
            0 => Life::Forever,
            id => Life::Lease(LeaseId(id)),
        },
        want_prev: request.prev_kv,
    }
}

pub fn delete_op(request: &pb::DeleteRangeRequest) -> DeleteOp {
    DeleteOp {
        range: key_range(&request.key, &request.range_end),
        want_prev: request.prev_kv,
    }
}

/// A txn of one op.
pub fn lone(op: Op) -> Txn {
    Txn {
        then: vec![op],
        ..Txn::default()
    }
}

pub fn txn(request: pb::TxnRequest) -> Txn {
    Txn {
        guards: request.compare.iter().map(guard).collect(),
        then: request.success.into_iter().filter_map(op).collect(),
        otherwise: request.failure.into_iter().filter_map(op).collect(),
    }
}

fn op(op: pb::RequestOp) -> Option<Op> {
    use pb::request_op::Request;
    Some(match op.request? {
        Request::RequestRange(request) => Op::Range(range_op(&request)),
        Request::RequestPut(request) => Op::Put(put_op(request)),
        Request::RequestDeleteRange(request) => Op::Delete(delete_op(&request)),
        Request::RequestTxn(request) => Op::Txn(txn(request)),
    })
}

/// A compare whose union does not fit its target compares with 0 or with nothing, as in etcd.
pub fn guard(compare: &pb::Compare) -> Guard {
    use pb::compare::{CompareTarget, TargetUnion};
    let range = key_range(&compare.key, &compare.range_end);
    let union = compare.target_union.as_ref();
    let target = CompareTarget::try_from(compare.target);
    let test = match (relation(compare.result), target) {
        (Some(relation), Ok(CompareTarget::Version)) => Test::Version(
            relation,
            match union {
                Some(TargetUnion::Version(version)) => *version,
                _ => 0,
            },
        ),
        (Some(relation), Ok(CompareTarget::Create)) => Test::CreateRevision(
            relation,
            match union {
                Some(TargetUnion::CreateRevision(revision)) => *revision,
                _ => 0,
            },
        ),
        (Some(relation), Ok(CompareTarget::Mod)) => Test::ModRevision(
            relation,
            match union {
                Some(TargetUnion::ModRevision(revision)) => *revision,
                _ => 0,
            },
        ),
        (Some(relation), Ok(CompareTarget::Lease)) => Test::Lease(
            relation,
            match union {
                Some(TargetUnion::Lease(lease)) => LeaseId(*lease),
                _ => LeaseId::NONE,
            },
        ),
        (Some(relation), Ok(CompareTarget::Value)) => Test::Value(
            relation,
            match union {
                Some(TargetUnion::Value(value)) => value.clone(),
                _ => Bytes::new(),
            },
        ),
        (relation, target) => unknown_test(relation, target.ok()),
    };
    Guard { range, test }
}

fn relation(result: i32) -> Option<Relation> {
    use pb::compare::CompareResult;
    Some(match CompareResult::try_from(result).ok()? {
        CompareResult::Equal => Relation::Equal,
        CompareResult::Greater => Relation::Greater,
        CompareResult::Less => Relation::Less,
        CompareResult::NotEqual => Relation::NotEqual,
    })
}

/// Enums are open. In etcd an unknown relation always holds, but for the value of a missing key,
/// and an unknown target compares as equal. A version is never negative and is 0 when missing.
fn unknown_test(relation: Option<Relation>, target: Option<pb::compare::CompareTarget>) -> Test {
    match (relation, target) {
        (None, Some(pb::compare::CompareTarget::Value)) => Test::Version(Relation::Greater, 0),
        (None | Some(Relation::Equal), _) => Test::Version(Relation::Greater, -1),
        (Some(_), _) => Test::Version(Relation::Less, 0),
    }
}

/// Whether a txn does nothing but read, at its first level: etcd proposes every other one.
pub fn is_read_only(request: &pb::TxnRequest) -> bool {
    reads(request).all(|read| read.is_some())
}

/// Whether every read of a read-only txn may be answered by this member alone.
pub fn is_serializable(request: &pb::TxnRequest) -> bool {
    reads(request).all(|read| read.is_some_and(|range| range.serializable))
}

fn reads(request: &pb::TxnRequest) -> impl Iterator<Item = Option<&pb::RangeRequest>> {
    let ops = request.success.iter().chain(&request.failure);
    ops.map(|op| match &op.request {
        Some(pb::request_op::Request::RequestRange(range)) => Some(range),
        _ => None,
    })
}

pub fn key_value(kv: &KeyValue) -> mvccpb::KeyValue {
    mvccpb::KeyValue {
        key: kv.key.clone(),
        create_revision: kv.create_revision,
        mod_revision: kv.modified.main,
        version: kv.version,
        value: render::value(&kv.value),
        lease: kv.lease.0,
    }
}

/// keys_only drops the value, and the lease too unless sorted by value: etcd then answers from
/// its index, which has no leases.
fn key_only(kv: &KeyValue, has_lease: bool) -> mvccpb::KeyValue {
    mvccpb::KeyValue {
        key: kv.key.clone(),
        create_revision: kv.create_revision,
        mod_revision: kv.modified.main,
        version: kv.version,
        value: Bytes::new(),
        lease: if has_lease { kv.lease.0 } else { 0 },
    }
}

fn prev(kv: Option<Arc<KeyValue>>) -> Option<mvccpb::KeyValue> {
    kv.as_deref().map(key_value)
}

/// The only field of the header inside a txn.
fn inner_header(revision: Revision) -> Option<pb::ResponseHeader> {
    Some(pb::ResponseHeader {
        revision,
        ..Default::default()
    })
}

/// A key as a range shows it.
pub fn shown(op: &RangeOp, kv: &KeyValue) -> mvccpb::KeyValue {
    match op.keys_only {
        true => key_only(kv, op.order.target == SortTarget::Value),
        false => key_value(kv),
    }
}

pub fn range_response(op: &RangeOp, result: &RangeResult) -> pb::RangeResponse {
    pb::RangeResponse {
        header: inner_header(result.revision),
        kvs: result.kvs.iter().map(|kv| shown(op, kv)).collect(),
        more: result.more,
        count: i64::try_from(result.count).unwrap_or(i64::MAX),
    }
}

pub fn put_response(kv: Option<Arc<KeyValue>>, revision: Revision) -> pb::PutResponse {
    pb::PutResponse {
        header: inner_header(revision),
        prev_kv: prev(kv),
    }
}

pub fn delete_response(
    deleted: u64,
    kvs: &[Arc<KeyValue>],
    revision: Revision,
) -> pb::DeleteRangeResponse {
    pb::DeleteRangeResponse {
        header: inner_header(revision),
        deleted: i64::try_from(deleted).unwrap_or(i64::MAX),
        prev_kvs: kvs.iter().map(|kv| key_value(kv)).collect(),
    }
}

/// The reply to a txn; `shape` is what was proposed. The header is empty, as etcd leaves it in
/// nested txns; the caller fills the outermost.
///
/// # Errors
/// If one of its ranges could not be answered. What the txn writes is written.
pub fn txn_response(shape: &Txn, outcome: TxnOutcome) -> Result<pb::TxnResponse, Status> {
    let ops = if outcome.succeeded {
        &shape.then
    } else {
        &shape.otherwise
    };
    let responses = ops.iter().zip(outcome.results);
    Ok(pb::TxnResponse {
        header: Some(pb::ResponseHeader::default()),
        succeeded: outcome.succeeded,
        responses: responses
            .map(|(op, result)| response_op(op, result))
            .collect::<Result<_, _>>()?,
    })
}

fn response_op(op: &Op, result: OpResult) -> Result<pb::ResponseOp, Status> {
    use pb::response_op::Response;
    let response = match (op, result) {
        (Op::Range(op), OpResult::Range(result)) => {
            Some(Response::ResponseRange(range_response(op, &result)))
        }
        (_, OpResult::Put { prev, revision }) => {
            Some(Response::ResponsePut(put_response(prev, revision)))
        }
        (
            _,
            OpResult::Delete {
                deleted,
                prev,
                revision,
            },
        ) => Some(Response::ResponseDeleteRange(delete_response(
            deleted, &prev, revision,
        ))),
        (Op::Txn(inner), OpResult::Txn(outcome)) => {
            Some(Response::ResponseTxn(txn_response(inner, outcome)?))
        }
        (_, OpResult::Failed(refusal)) => return Err(error::refused(refusal)),
        // No etcd request makes the other ops.
        _ => None,
    };
    Ok(pb::ResponseOp { response })
}

#[cfg(test)]
mod tests {
    use quorate_core::outcome::Refusal;
    use tonic::Code;

    use super::*;

    fn unreadable() -> OpResult {
        OpResult::Failed(Refusal::HistoryUnreadable)
    }

    /// The reply to a txn of one op, which made this result.
    fn reply(op: Op, result: OpResult) -> Result<pb::TxnResponse, Status> {
        let shape = Txn {
            then: vec![op],
            ..Txn::default()
        };
        txn_response(&shape, outcome(result))
    }

    fn outcome(result: OpResult) -> TxnOutcome {
        TxnOutcome {
            succeeded: true,
            results: vec![result],
            changed: false,
        }
    }

    fn range() -> Op {
        Op::Range(range_op(&pb::RangeRequest::default()))
    }

    /// An answer with a gap would say that the key isn't there.
    #[test]
    fn a_txn_whose_range_was_not_answered_is_an_error() {
        assert!(reply(range(), OpResult::Range(RangeResult::default())).is_ok());
        let said = "etcdserver: history cannot be read";
        let lone = reply(range(), unreadable()).expect_err("a gap");
        assert_eq!((lone.code(), lone.message()), (Code::Unknown, said));
        let inner = Txn {
            then: vec![range()],
            ..Txn::default()
        };
        let nested = OpResult::Txn(outcome(unreadable()));
        let nested = reply(Op::Txn(inner), nested).expect_err("a gap");
        assert_eq!(nested.message(), said);
    }
}
