//! How many keys a txn may look at, found before it looks: its ranges are counted by chunks, not
//! key by key. Both branches count, since which one is taken shows only later.

use super::apply::State;
use super::range::is_cut_in_key_order;
use super::room::Visits;
use crate::command::{Guard, Op, Program, Txn};
use crate::types::KeyRange;

impl State {
    pub(super) fn visits(&self, txn: &Txn) -> Visits {
        let mut visits = Visits::default();
        let ops = txn.then.iter().chain(&txn.otherwise);
        self.visits_of_txn(txn, ops.clone().any(deletes_ranges), &mut visits);
        visits
    }

    pub(super) fn visits_of_program(&self, program: &Program) -> Visits {
        let mut visits = Visits::default();
        let deletes_ranges = program.ops.iter().any(deletes_ranges);
        self.visits_of(&program.guards, &program.ops, deletes_ranges, &mut visits);
        visits
    }

    fn visits_of_txn(&self, txn: &Txn, deletes_ranges: bool, visits: &mut Visits) {
        let ops = txn.then.iter().chain(&txn.otherwise);
        self.visits_of(&txn.guards, ops, deletes_ranges, visits);
    }

    /// Behind a range that was deleted a read has to look for its first keys.
    fn visits_of<'o>(
        &self,
        guards: &[Guard],
        ops: impl IntoIterator<Item = &'o Op>,
        deletes_ranges: bool,
        visits: &mut Visits,
    ) {
        for guard in guards {
            visits.add(self.keys_of(&guard.range));
        }
        for op in ops {
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
                Op::Txn(inner) => self.visits_of_txn(inner, deletes_ranges, visits),
                Op::Data(op) => visits.add(op.keys().count() as u64),
                Op::Put(_) | Op::SetLife(_) | Op::Publish { .. } | Op::Because(_) => visits.add(1),
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

fn deletes_ranges(op: &Op) -> bool {
    match op {
        Op::Delete(op) => !matches!(op.range, KeyRange::Key(_)),
        Op::Txn(inner) => inner
            .then
            .iter()
            .chain(&inner.otherwise)
            .any(deletes_ranges),
        _ => false,
    }
}
