//! What the ranges of one txn may return together. A lone range returns at most the store; a txn
//! could ask for all of the store as often as it has ops.

use crate::command::RangeOp;
use crate::limits::TXN_READ_BYTES_MAX;
use crate::outcome::{RangeResult, Refusal};

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

    /// The result of the txn's next range.
    ///
    /// # Errors
    /// `AnswerTooLarge`. It must not decide what the txn does: on a member that can't read its
    /// history the sum is another.
    pub fn admit(&mut self, op: &RangeOp, result: RangeResult) -> Result<RangeResult, Refusal> {
        let values = |size: usize| if op.keys_only { 0 } else { size };
        let records = result.kvs.iter();
        let bytes: usize = records
            .map(|kv| RECORD_BYTES + kv.key.len() + values(kv.value.size()))
            .sum();
        self.0 = self.0.saturating_sub(bytes);
        match self.is_used_up() {
            true => Err(Refusal::AnswerTooLarge),
            false => Ok(result),
        }
    }
}
