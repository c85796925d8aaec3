//! What the ranges of one txn may return together. A lone range returns at most the store; a txn
//! could ask for all of the store as often as it has ops. The bound is passed by one record at
//! most, so that a value larger than all of it, a hash, can be read.

use crate::command::RangeOp;
use crate::limits::TXN_READ_BYTES_MAX;
use crate::outcome::{RangeResult, Refusal};
use crate::types::KeyValue;

/// What a key in a result takes beside its name and value.
const RECORD_BYTES: usize = 64;

/// The bytes that are left.
#[derive(Debug)]
pub struct ReadRoom(usize);

impl Default for ReadRoom {
    fn default() -> ReadRoom {
        ReadRoom(TXN_READ_BYTES_MAX)
    }
}

impl ReadRoom {
    pub(super) fn with(bytes: usize) -> ReadRoom {
        ReadRoom(bytes)
    }

    pub(super) fn bytes(&self) -> usize {
        self.0
    }

    /// Takes the least that the records of so many versions need.
    pub(super) fn take_versions(&mut self, versions: usize) {
        self.0 = self.0.saturating_sub(versions * RECORD_BYTES);
    }

    /// Once a result had no room, none has.
    pub fn is_used_up(&self) -> bool {
        self.0 == 0
    }

    /// The result of the txn's next range.
    ///
    /// # Errors
    /// `AnswerTooLarge`. It must not decide what the txn does: on a member that can't read its
    /// history the sum is another.
    pub fn admit(&mut self, op: &RangeOp, result: RangeResult) -> Result<RangeResult, Refusal> {
        if self.is_used_up() {
            return Err(Refusal::AnswerTooLarge);
        }
        let records = result.kvs.iter();
        let bytes: usize = records.map(|kv| record_bytes(op, kv)).sum();
        self.0 = self.0.saturating_sub(bytes);
        match self.is_used_up() && result.kvs.len() > 1 {
            true => Err(Refusal::AnswerTooLarge),
            false => Ok(result),
        }
    }
}

/// A value is not measured in vain: a hash's size takes a walk over its fields.
fn record_bytes(op: &RangeOp, kv: &KeyValue) -> usize {
    let value = if op.keys_only { 0 } else { kv.value.size() };
    RECORD_BYTES + kv.key.len() + value
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::types::{KeyRange, Value};

    #[test]
    fn a_single_record_finds_room_while_there_is_any() {
        let op = RangeOp::new(KeyRange::From("".into()));
        let record = |bytes: usize| {
            let value = Value::Bytes(vec![b'x'; bytes].into());
            Arc::new(KeyValue {
                value,
                ..KeyValue::default()
            })
        };
        let result = |kvs: Vec<Arc<KeyValue>>| RangeResult {
            kvs,
            ..RangeResult::default()
        };
        let (huge, small) = (record(TXN_READ_BYTES_MAX + 1), record(1));
        let two = result(vec![huge.clone(), small.clone()]);
        let refused = ReadRoom::default().admit(&op, two);
        assert_eq!(refused, Err(Refusal::AnswerTooLarge));
        let mut room = ReadRoom::default();
        assert!(room.admit(&op, result(vec![huge])).is_ok());
        for late in [result(vec![small]), result(Vec::new())] {
            assert_eq!(room.admit(&op, late), Err(Refusal::AnswerTooLarge));
        }
    }
}
