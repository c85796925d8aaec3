//! etcd's rule that a txn writes no key twice, checked over both branches before proposing.
//!
//! Worked example: `put a; del [a, c)` is refused; so is `put a` beside a nested txn whose then
//! or else puts `a`; but then and else of one nested txn may both put `a`, as only one runs, and
//! two deletes may overlap. etcd compares a delete "from key on" (range_end `\0`) as the plain
//! interval [key, \0), which is inverted and overlaps no put at all; clients see that, so it is
//! kept.

use std::collections::HashSet;

use bytes::Bytes;
use quorate_proto::etcdserverpb as pb;
use tonic::Status;

use super::error;

/// Operations of one txn that are checked, those of all txns nested in it included: the check takes
/// time by their square.
pub const OPERATIONS_MAX: usize = 10_000;

/// Checks both branches. The caller has bounded the number of operations.
pub fn check(request: &pb::TxnRequest) -> Result<(), Status> {
    Branch::of(&request.success)?;
    Branch::of(&request.failure)?;
    Ok(())
}

/// The operations of a txn with those of all txns nested in it.
pub fn operations(request: &pb::TxnRequest) -> usize {
    let ops = request.success.iter().chain(&request.failure);
    ops.map(|op| match &op.request {
        Some(pb::request_op::Request::RequestTxn(inner)) => 1 + operations(inner),
        _ => 1,
    })
    .sum()
}

/// How deep txns nest, this one counted.
pub fn depth(request: &pb::TxnRequest) -> usize {
    let ops = request.success.iter().chain(&request.failure);
    let below = ops.filter_map(|op| match &op.request {
        Some(pb::request_op::Request::RequestTxn(inner)) => Some(depth(inner)),
        _ => None,
    });
    1 + below.max().unwrap_or(0)
}

/// What the operations of one branch write.
#[derive(Default)]
struct Branch {
    puts: HashSet<Bytes>,
    deletes: Vec<Interval>,
}

impl Branch {
    fn of(ops: &[pb::RequestOp]) -> Result<Branch, Status> {
        use pb::request_op::Request;
        let mut branch = Branch::default();
        for op in ops {
            if let Some(Request::RequestDeleteRange(delete)) = &op.request {
                branch.deletes.push(Interval::of(delete));
            }
        }
        for op in ops {
            if let Some(Request::RequestTxn(inner)) = &op.request {
                branch.add_nested(inner)?;
            }
        }
        for op in ops {
            if let Some(Request::RequestPut(put)) = &op.request {
                branch.refuse_deleted(&put.key)?;
                if !branch.puts.insert(put.key.clone()) {
                    return Err(error::DUPLICATE_KEY.into());
                }
            }
        }
        Ok(branch)
    }

    fn add_nested(&mut self, inner: &pb::TxnRequest) -> Result<(), Status> {
        let then = Branch::of(&inner.success)?;
        let otherwise = Branch::of(&inner.failure)?;
        for key in &then.puts {
            self.refuse_deleted(key)?;
            if !self.puts.insert(key.clone()) {
                return Err(error::DUPLICATE_KEY.into());
            }
        }
        for key in otherwise.puts {
            self.refuse_deleted(&key)?;
            if !self.puts.insert(key.clone()) && !then.puts.contains(&key) {
                return Err(error::DUPLICATE_KEY.into());
            }
        }
        self.deletes.extend(then.deletes);
        self.deletes.extend(otherwise.deletes);
        Ok(())
    }

    fn refuse_deleted(&self, key: &Bytes) -> Result<(), Status> {
        if self.deletes.iter().any(|delete| delete.overlaps(key)) {
            return Err(error::DUPLICATE_KEY.into());
        }
        Ok(())
    }
}

/// A deleted interval; without an end, the one key.
struct Interval {
    start: Bytes,
    end: Option<Bytes>,
}

impl Interval {
    fn of(delete: &pb::DeleteRangeRequest) -> Interval {
        Interval {
            start: delete.key.clone(),
            end: (!delete.range_end.is_empty()).then(|| delete.range_end.clone()),
        }
    }

    /// An inverted or empty interval overlaps no key.
    fn overlaps(&self, key: &Bytes) -> bool {
        match &self.end {
            None => self.start == key,
            Some(end) => self.start <= key && key < end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pb::request_op::Request;

    fn op(request: Request) -> pb::RequestOp {
        pb::RequestOp {
            request: Some(request),
        }
    }

    fn put(key: &'static str) -> pb::RequestOp {
        op(Request::RequestPut(pb::PutRequest {
            key: key.into(),
            ..Default::default()
        }))
    }

    fn delete(key: &'static str, range_end: &'static str) -> pb::RequestOp {
        op(Request::RequestDeleteRange(pb::DeleteRangeRequest {
            key: key.into(),
            range_end: range_end.into(),
            ..Default::default()
        }))
    }

    fn nested(success: Vec<pb::RequestOp>, failure: Vec<pb::RequestOp>) -> pb::RequestOp {
        op(Request::RequestTxn(txn(success, failure)))
    }

    fn txn(success: Vec<pb::RequestOp>, failure: Vec<pb::RequestOp>) -> pb::TxnRequest {
        pb::TxnRequest {
            success,
            failure,
            ..Default::default()
        }
    }

    fn passes(success: Vec<pb::RequestOp>) -> bool {
        let then = check(&txn(success.clone(), vec![])).is_ok();
        let otherwise = check(&txn(vec![], success)).is_ok();
        assert_eq!(then, otherwise, "both branches are checked alike");
        then
    }

    #[test]
    fn a_key_is_put_once() {
        assert!(passes(vec![put("a"), put("b")]));
        assert!(!passes(vec![put("a"), put("a")]));
        assert!(!passes(vec![put("a"), nested(vec![put("a")], vec![])]));
        assert!(!passes(vec![put("a"), nested(vec![], vec![put("a")])]));
    }

    #[test]
    fn branches_of_one_nested_txn_exclude_each_other() {
        assert!(passes(vec![nested(vec![put("a")], vec![put("a")])]));
        assert!(!passes(vec![
            nested(vec![put("a")], vec![]),
            nested(vec![], vec![put("a")]),
        ]));
    }

    #[test]
    fn a_deleted_key_is_not_put() {
        assert!(!passes(vec![delete("a", ""), put("a")]));
        assert!(!passes(vec![put("b"), delete("a", "c")]));
        assert!(passes(vec![put("c"), delete("a", "c")]));
        assert!(!passes(vec![
            nested(vec![delete("a", "c")], vec![]),
            put("b")
        ]));
        assert!(!passes(vec![
            delete("a", "c"),
            nested(vec![put("b")], vec![])
        ]));
    }

    #[test]
    fn deletes_may_overlap_and_inverted_ones_do_not_count() {
        assert!(passes(vec![delete("a", "c"), delete("b", "d")]));
        assert!(passes(vec![delete("a", "\0"), put("b")]));
        assert!(passes(vec![delete("a", "\0"), put("a")]));
        assert!(passes(vec![delete("a", "a"), put("a")]));
        assert!(passes(vec![delete("b", "a"), put("b")]));
    }

    #[test]
    fn nested_operations_are_counted() {
        let request = txn(vec![nested(vec![put("a")], vec![put("b")])], vec![put("c")]);
        assert_eq!(operations(&request), 4);
        assert_eq!(depth(&request), 2);
    }
}
