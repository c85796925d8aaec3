//! What an op looks at before it changes anything: what a program that is tried out has to read for
//! it, and to guard.

use bytes::Bytes;

use super::{DataOp, DeleteOp, Life, LifeCondition, Op, PutOp, PutValue, RangeOp, SetLifeOp};
use crate::types::{KeyRange, UnixMillis};

impl Op {
    /// The keys whose records decide what it does and answers. A deleted range is not read, and
    /// what is put whatever there was needs no look.
    pub fn reads(&self) -> impl Iterator<Item = &Bytes> {
        let (one, data) = match self {
            Op::Put(op) => (op.looks().then_some(&op.key), None),
            Op::SetLife(op) => (Some(&op.key), None),
            Op::Delete(DeleteOp { range, .. }) | Op::Range(RangeOp { range, .. }) => {
                (single(range), None)
            }
            Op::Data(op) => (None, Some(op.keys())),
            Op::Publish { .. } | Op::Because(_) | Op::Turn(_) | Op::Txn(_) => (None, None),
        };
        one.into_iter().chain(data.into_iter().flatten())
    }

    /// Whether it matters how those keys live, too: for what it does, or since that goes along.
    pub fn looks_at_lives(&self) -> bool {
        match self {
            Op::SetLife(op) => op.looks_at_life(),
            Op::Data(DataOp::Revive { life, .. }) => *life == Life::Forever,
            Op::Data(DataOp::Rename { .. }) => true,
            _ => false,
        }
    }

    /// Whether it matters what time it is: which point of wall time is past, which of two ends
    /// comes later.
    pub fn looks_at_time(&self) -> bool {
        let is_judged = matches!(self, Op::SetLife(op) if op.condition != LifeCondition::default());
        is_judged || self.ends_at_wall().is_some()
    }

    /// The point of wall time at which the key is to end.
    pub fn ends_at_wall(&self) -> Option<UnixMillis> {
        let life = match self {
            Op::SetLife(op) => op.life,
            Op::Put(op) => op.life,
            Op::Data(DataOp::Set { life, .. } | DataOp::Revive { life, .. }) => *life,
            _ => return None,
        };
        match life {
            Life::Until(point) => Some(point),
            _ => None,
        }
    }
}

impl PutOp {
    /// Whether what it does depends on what the key was.
    fn looks(&self) -> bool {
        let keeps = self.value == PutValue::Keep || matches!(self.life, Life::Keep { .. });
        keeps || self.want_prev
    }
}

impl SetLifeOp {
    /// Whether what it does depends on the life that the key has.
    fn looks_at_life(&self) -> bool {
        self.condition != LifeCondition::default() || self.life == Life::Forever
    }
}

fn single(range: &KeyRange) -> Option<&Bytes> {
    match range {
        KeyRange::Key(key) => Some(key),
        KeyRange::Span(..) | KeyRange::From(_) => None,
    }
}
