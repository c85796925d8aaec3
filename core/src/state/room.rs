//! What a txn may make, and what those of an entry may make together. A request of a few kilobytes
//! can name values of gigabytes, so its size bounds nothing; what comes of it is counted here, in
//! replicated numbers alone, before anything changes. A txn that goes beyond is refused, on every
//! member and at every restart alike.

use crate::limits::{
    ENTRY_MADE_BYTES_MAX, ENTRY_VISITED_KEYS_MAX, TXN_MADE_BYTES_MAX, TXN_PREVIOUS_BYTES_MAX,
    TXN_VISITED_KEYS_MAX,
};
use crate::outcome::Refusal;
use crate::types::KeyValue;

/// What a record takes beside its key and value.
pub(super) const RECORD_BYTES: usize = 64;

/// What no entry is too full for.
const SMALL_MADE_BYTES: usize = 64 * 1024;
const SMALL_VISITED_KEYS: u64 = 1_000;

/// Key and value of a record, and what it takes beside them.
pub(super) fn record_bytes(record: &KeyValue) -> usize {
    RECORD_BYTES + record.key.len() + record.value.size()
}

/// What one txn has made so far.
#[derive(Debug, Default)]
pub(super) struct TxnRoom {
    made: usize,
    previous: usize,
}

impl TxnRoom {
    /// Before so many bytes are written or copied.
    ///
    /// # Errors
    /// `TooMuch`.
    pub(super) fn make(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.made = self.made.saturating_add(bytes);
        match self.made > TXN_MADE_BYTES_MAX {
            true => Err(Refusal::TooMuch),
            false => Ok(()),
        }
    }

    /// Before a record that is replaced goes into the answer. The bound is passed by one record at
    /// most, so that any can be had.
    ///
    /// # Errors
    /// `TooMuch`.
    pub(super) fn keep(&mut self, previous: &KeyValue) -> Result<(), Refusal> {
        if self.previous > TXN_PREVIOUS_BYTES_MAX {
            return Err(Refusal::TooMuch);
        }
        self.previous += record_bytes(previous);
        Ok(())
    }

    pub(super) fn made(&self) -> usize {
        self.made
    }
}

/// The keys that a txn may look at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Visits {
    pub(super) all: u64,
    /// By the op or guard that looks at most of them.
    pub(super) most: u64,
}

impl Visits {
    pub(super) fn add(&mut self, keys: u64) {
        self.all = self.all.saturating_add(keys);
        self.most = self.most.max(keys);
    }

    /// Whether they are more than one txn may look at. One op may look at all there are, again and
    /// again it may not.
    pub(super) fn are_too_many(self) -> bool {
        self.all - self.most > TXN_VISITED_KEYS_MAX
    }
}

/// What the txns of one entry have made so far.
#[derive(Debug, Default)]
pub(super) struct EntryRoom {
    made: usize,
    visited: u64,
}

impl EntryRoom {
    /// Whether a txn may look at so many keys.
    ///
    /// # Errors
    /// `TooMuch`; `Overloaded` because of others.
    pub(super) fn visit(&mut self, visits: Visits) -> Result<(), Refusal> {
        if visits.are_too_many() {
            return Err(Refusal::TooMuch);
        }
        if visits.all > SMALL_VISITED_KEYS && self.visited > ENTRY_VISITED_KEYS_MAX {
            return Err(Refusal::Overloaded);
        }
        self.visited = self.visited.saturating_add(visits.all);
        Ok(())
    }

    /// Whether what a txn has made may become the state.
    ///
    /// # Errors
    /// `Overloaded`: others of the entry have made too much.
    pub(super) fn take(&mut self, txn: &TxnRoom) -> Result<(), Refusal> {
        let sum = self.made + txn.made();
        if txn.made() > SMALL_MADE_BYTES && sum > ENTRY_MADE_BYTES_MAX {
            return Err(Refusal::Overloaded);
        }
        self.made = sum;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_is_full_takes_what_is_small() {
        let txn = |made| TxnRoom { made, previous: 0 };
        let mut room = EntryRoom::default();
        let large = txn(TXN_MADE_BYTES_MAX);
        let taken = (0..100).take_while(|_| room.take(&large).is_ok()).count();
        assert_eq!(taken, ENTRY_MADE_BYTES_MAX / TXN_MADE_BYTES_MAX);
        assert_eq!(room.take(&large), Err(Refusal::Overloaded));
        assert_eq!(room.take(&txn(SMALL_MADE_BYTES)), Ok(()));
    }

    #[test]
    fn one_op_may_look_at_everything() {
        let visits = |ops: &[u64]| {
            let mut visits = Visits::default();
            ops.iter().for_each(|keys| visits.add(*keys));
            visits
        };
        let mut room = EntryRoom::default();
        let everything = 10 * ENTRY_VISITED_KEYS_MAX;
        let twice = visits(&[everything, everything]);
        assert_eq!(room.visit(twice), Err(Refusal::TooMuch));
        assert_eq!(room.visit(visits(&[everything, 1])), Ok(()));
        assert_eq!(room.visit(visits(&[everything])), Err(Refusal::Overloaded));
        assert_eq!(room.visit(visits(&[SMALL_VISITED_KEYS])), Ok(()));
    }
}
