//! Ops of the usual forms.

use bytes::Bytes;

use super::{DataOp, DeleteOp, Life, Op, PutOp, PutValue, SetLifeOp};
use crate::types::{KeyRange, Value};

impl PutOp {
    /// Puts a string, whatever there was.
    pub fn bytes(key: Bytes, value: Bytes, life: Life) -> PutOp {
        PutOp {
            key,
            value: PutValue::Set(Value::Bytes(value)),
            life,
            want_prev: false,
        }
    }
}

impl DeleteOp {
    /// Deletes one key.
    pub fn key(key: Bytes) -> DeleteOp {
        DeleteOp {
            range: KeyRange::Key(key),
            want_prev: false,
        }
    }
}

impl From<PutOp> for Op {
    fn from(op: PutOp) -> Op {
        Op::Put(op)
    }
}

impl From<DeleteOp> for Op {
    fn from(op: DeleteOp) -> Op {
        Op::Delete(op)
    }
}

impl From<SetLifeOp> for Op {
    fn from(op: SetLifeOp) -> Op {
        Op::SetLife(op)
    }
}

impl From<DataOp> for Op {
    fn from(op: DataOp) -> Op {
        Op::Data(op)
    }
}
