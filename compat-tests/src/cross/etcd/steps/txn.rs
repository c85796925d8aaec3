//! Txns: every target and result of a compare, branches of every operation, nested.

use bytes::Bytes;
use pb::compare::TargetUnion;
use pb::request_op::Request;
use quorate_proto::etcdserverpb as pb;

use super::draw::Draw;
use super::step::Step;
use crate::cross::etcd::wire::Call;

/// How deep txns nest.
const DEPTH_MAX: usize = 3;
/// etcd's limit of operations in a branch.
const OPS_MAX: usize = 128;

impl Draw {
    pub fn txn_request(&mut self) -> pb::TxnRequest {
        self.is_tame = !self.one_in(4);
        self.txn(DEPTH_MAX)
    }

    /// As many operations as a txn may have, or just more, and reads of what they left.
    pub fn wide(&mut self) -> Step {
        let (key, range_end) = (Bytes::from_static(b"wide/"), Bytes::from_static(b"wide0"));
        let range = pb::RangeRequest {
            key: key.clone(),
            range_end: range_end.clone(),
            ..Default::default()
        };
        let ordered = pb::RangeRequest {
            limit: self.pick(&[1, 10, 11, 100, 1_000]),
            sort_order: self.pick(&[0, 1, 2]),
            ..range.clone()
        };
        let limited = pb::RangeRequest {
            limit: self.pick(&[0, 9, 10, 11, 29, 30, 31]),
            keys_only: self.one_in(2),
            ..range.clone()
        };
        let delete = pb::DeleteRangeRequest {
            key,
            range_end,
            prev_kv: self.one_in(2),
        };
        Step::Calls(vec![
            Call::new("KV/Txn", &self.wide_txn()),
            Call::new("KV/RangeStream", &range),
            Call::new("KV/RangeStream", &limited),
            Call::new("KV/Range", &ordered),
            Call::new("KV/DeleteRange", &delete),
        ])
    }

    /// A txn of reads alone, which is not proposed.
    pub fn read_txn_request(&mut self) -> pb::TxnRequest {
        self.is_tame = !self.one_in(3);
        let compares = self.up_to(2);
        let (then, otherwise) = (self.up_to(3), self.up_to(2));
        let read = |draw: &mut Self| Request::RequestRange(draw.range_request()).into();
        pb::TxnRequest {
            compare: (0..compares).map(|_| self.compare()).collect(),
            success: (0..then).map(|_| read(self)).collect(),
            failure: (0..otherwise).map(|_| read(self)).collect(),
        }
    }

    fn txn(&mut self, depth: usize) -> pb::TxnRequest {
        let compares = self.pick(&[0, 1, 1, 2, 3]);
        let (then, otherwise) = (self.up_to(4), self.up_to(3));
        pb::TxnRequest {
            compare: (0..compares).map(|_| self.compare()).collect(),
            success: (0..then).map(|_| self.operation(depth)).collect(),
            failure: (0..otherwise).map(|_| self.operation(depth)).collect(),
        }
    }

    fn operation(&mut self, depth: usize) -> pb::RequestOp {
        let request = match self.up_to(19) {
            0..=5 => Some(Request::RequestRange(self.range_request())),
            6..=12 => Some(Request::RequestPut(self.put_request())),
            13..=15 => Some(Request::RequestDeleteRange(self.delete_request())),
            16..=18 if depth > 0 => Some(Request::RequestTxn(self.txn(depth - 1))),
            // An operation of no kind is an error; seldom, or no txn would pass.
            _ if !self.is_tame && self.one_in(20) => None,
            _ => Some(Request::RequestRange(self.range_request())),
        };
        pb::RequestOp { request }
    }

    fn compare(&mut self) -> pb::Compare {
        let (key, mut range_end) = self.range();
        if !self.one_in(3) {
            range_end = Bytes::new();
        }
        let target = self.pick(&[0, 1, 2, 3, 4]);
        let mut compare = pb::Compare {
            result: self.pick(&[0, 1, 2, 3]),
            target,
            key,
            range_end,
            target_union: Some(self.target_union(target)),
        };
        if self.one_in(12) {
            // A value that does not belong to the target, or none.
            let other = self.pick(&[0, 1, 2, 3, 4]);
            compare.target_union = match self.one_in(2) {
                true => None,
                false => Some(self.target_union(other)),
            };
        }
        if self.one_in(40) {
            compare.result = self.pick(&[4, -1, 9]);
        }
        if self.one_in(40) {
            compare.target = self.pick(&[5, -1, 9]);
        }
        compare
    }

    fn target_union(&mut self, target: i32) -> TargetUnion {
        match target {
            0 => TargetUnion::Version(self.pick(&[0, 1, 2, 3, -1])),
            1 => TargetUnion::CreateRevision(self.compared_revision()),
            2 => TargetUnion::ModRevision(self.compared_revision()),
            3 => TargetUnion::Value(self.value()),
            _ => TargetUnion::Lease(self.pick(&[0, 0, 1, 2, 77])),
        }
    }

    fn compared_revision(&mut self) -> i64 {
        match self.one_in(3) {
            true => 0,
            false => self.revision(),
        }
    }

    /// As wide as allowed, or just wider: at one level, or over two.
    fn wide_txn(&mut self) -> pb::TxnRequest {
        let put = |number: usize| {
            let request = pb::PutRequest {
                key: format!("wide/{number}").into(),
                ..Default::default()
            };
            pb::RequestOp::from(Request::RequestPut(request))
        };
        let puts = |count: usize| (0..count).map(put).collect();
        let mut request = pb::TxnRequest::default();
        match self.up_to(4) {
            0 => request.success = puts(OPS_MAX),
            1 => request.success = puts(OPS_MAX + 1),
            2 => request.failure = puts(OPS_MAX + 1),
            3 => request.compare = (0..=OPS_MAX).map(|_| self.compare()).collect(),
            _ => {
                let count = self.pick(&[OPS_MAX - 1, OPS_MAX]);
                let inner = pb::TxnRequest {
                    success: puts(count),
                    ..Default::default()
                };
                request.success = vec![Request::RequestTxn(inner).into()];
            }
        }
        request
    }
}
