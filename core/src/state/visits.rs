//! How many keys a txn may look at, found before it looks: its ranges are counted by chunks, not
//! key by key. Both branches count, since which one is taken shows only later.

use super::room::{EntryRoom, Visits};
use super::select::is_cut_in_key_order;
use super::value::State;
use crate::command::{Guard, Op, Program, Txn};
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
                Op::Put(_) | Op::SetLife(_) | Op::Publish { .. } | Op::Because(_) | Op::Turn(_) => {
                    visits.add(1)
                }
            }
        }
    }

    /// Keys that are there. Deleted ones whose history is kept are stepped over, too, but how many
    /// those are is no replicated number: they are forgotten in slices, begun anew at a restart.
    fn keys_of(&self, range: &KeyRange) -> u64 {
        match range {
            KeyRange::Key(_) => 1,
            range => self.index.count(range).max(1),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{DeleteOp, Life, PutOp, PutValue, RangeOp};
    use crate::outcome::Effects;
    use crate::state::draft::Draft;
    use crate::types::Value;

    fn run(state: &mut State, op: Op) {
        let mut draft = Draft::new(state);
        let txn = Txn {
            then: vec![op],
            ..Txn::default()
        };
        draft.txn(&txn).expect("it is not refused");
        let changes = draft.into_changes();
        state.commit(changes, &mut Effects::default());
    }

    /// Members that have come differently far in forgetting must judge alike.
    #[test]
    fn deleted_keys_with_history_do_not_count() {
        let mut state = State::default();
        let key = |n: usize| bytes::Bytes::from(format!("k{n:03}"));
        for n in 0..40 {
            let value = PutValue::Set(Value::Bytes("v".into()));
            run(
                &mut state,
                Op::Put(PutOp {
                    key: key(n),
                    value,
                    life: Life::Forever,
                    want_prev: false,
                }),
            );
        }
        for n in 10..40 {
            let range = KeyRange::Key(key(n));
            run(
                &mut state,
                Op::Delete(DeleteOp {
                    range,
                    want_prev: false,
                }),
            );
        }
        let all = Txn {
            then: vec![Op::Range(RangeOp::new(KeyRange::prefix(b"k")))],
            ..Txn::default()
        };
        assert_eq!(state.visits(&all).all, 10);
    }
}
