//! How many keys a txn may look at, found before it looks: its ranges are counted by chunks, not
//! key by key. Both branches count, since which one is taken shows only later.

use super::room::{EntryRoom, Visits};
use super::select::is_cut_in_key_order;
use super::value::State;
use crate::command::{Op, Txn};
use crate::outcome::Refusal;
use crate::types::KeyRange;

impl State {
    /// Whether the ranges of a txn that only reads may be read, as apply asks of those that write.
    ///
    /// # Errors
    /// `TooMuch`.
    pub fn may_read(&self, txn: &Txn) -> Result<(), Refusal> {
        EntryRoom::default().visit(self.visits(txn))
    }

    pub(super) fn visits(&self, txn: &Txn) -> Visits {
        let mut visits = Visits::default();
        self.visits_of(txn, deletes_ranges(txn), &mut visits);
        visits
    }

    /// Behind a range that was deleted a read has to look for its first keys.
    fn visits_of(&self, txn: &Txn, deletes_ranges: bool, visits: &mut Visits) {
        for guard in &txn.guards {
            visits.add(self.keys_of(&guard.range));
        }
        for op in txn.then.iter().chain(&txn.otherwise) {
            match op {
                Op::Range(op) => {
                    let is_cut = op.revision == 0 && is_cut_in_key_order(op) && !deletes_ranges;
                    let first = if is_cut {
                        op.limit.saturating_add(1)
                    } else {
                        u64::MAX
                    };
                    visits.add(self.keys_of(&op.range).min(first));
                }
                Op::Delete(op) => visits.add(self.keys_of(&op.range)),
                Op::Txn(inner) => self.visits_of(inner, deletes_ranges, visits),
                Op::Put(_) | Op::SetLife(_) | Op::Data(_) | Op::Publish { .. } | Op::Because(_) => {
                    visits.add(1);
                }
            }
        }
    }

    /// Keys that are deleted are looked at, too, as long as their history is kept.
    fn keys_of(&self, range: &KeyRange) -> u64 {
        match range {
            KeyRange::Key(_) => 1,
            range => self.index.slots(range).max(1),
        }
    }
}

fn deletes_ranges(txn: &Txn) -> bool {
    txn.then.iter().chain(&txn.otherwise).any(|op| match op {
        Op::Delete(op) => !matches!(op.range, KeyRange::Key(_)),
        Op::Txn(inner) => deletes_ranges(inner),
        _ => false,
    })
}
