//! What the ranges of one txn may return together. A lone range returns at most the store; a txn
//! could ask for all of the store as often as it has ops.

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
    /// Once a result had no room, none has.
    pub fn is_used_up(&self) -> bool {
        self.0 == 0
    }

    /// The result of the txn's next range, asked for while there is room. A single record always
    /// finds it, however large its value.
    ///
    /// # Errors
    /// `AnswerTooLarge`. It must not decide what the txn does: on a member that can't read its
    /// history the sum is another.
    pub fn admit(&mut self, op: &RangeOp, result: RangeResult) -> Result<RangeResult, Refusal> {
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
