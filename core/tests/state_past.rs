//! Ranges of txns at old revisions: what apply finds is read after it, by a member that answers,
//! and what becomes of the txn never depends on it.

#[path = "state_rig/mod.rs"]
mod state_rig;

use std::sync::Arc;

use quorate_core::command::{Command, Op, RangeOp};
use quorate_core::outcome::{Effects, OpResult, Outcome, Refusal, TxnOutcome};
use quorate_core::state::{History, Unreadable, read_past};
use quorate_core::types::{KeyRange, KeyValue, Revision, Version};
use state_rig::rig::Rig;
use state_rig::*;

/// A disk that must not be asked, or can't be read.
struct Broken;

impl History for Broken {
    fn version(&self, _: &[u8], _: Version) -> Result<Arc<KeyValue>, Unreadable> {
        Err(Unreadable)
    }
}

fn all_at(revision: Revision) -> Op {
    Op::Range(RangeOp {
        revision,
        ..RangeOp::new(KeyRange::prefix(b"k"))
    })
}

/// k1 and k2, each written twice: revisions 2 to 5.
fn written() -> Rig {
    let mut rig = Rig::new();
    for value in ["old", "new"] {
        rig.txn(vec![put("k1", value)]);
        rig.txn(vec![put("k2", value)]);
    }
    rig
}

fn outcome(applied: &Result<Outcome, Refusal>) -> &TxnOutcome {
    match applied {
        Ok(Outcome::Txn(outcome)) => outcome,
        other => panic!("{other:?}"),
    }
}

fn values(result: &OpResult) -> Vec<String> {
    let OpResult::Range(range) = result else {
        panic!("{result:?}");
    };
    let text = |kv: &Arc<KeyValue>| {
        let value = kv.value.as_bytes().expect("bytes");
        String::from_utf8_lossy(value).into_owned()
    };
    range.kvs.iter().map(text).collect()
}

fn nested() -> Command {
    let inner = txn(vec![put("k3", "1"), all_at(3)]);
    run(vec![all_at(4), Op::Txn(inner), all_at(5)])
}

#[test]
fn results_come_to_their_places() {
    let mut rig = written();
    let applied = rig.apply(nested());
    let results = &outcome(&applied.outcome).results;
    assert_eq!(values(&results[0]), ["new", "old"]);
    let OpResult::Txn(inner) = &results[1] else {
        panic!("{results:?}");
    };
    assert_eq!(values(&inner.results[1]), ["old", "old"]);
    let OpResult::Range(inner) = &inner.results[1] else {
        panic!("{inner:?}");
    };
    assert_eq!(inner.revision, 6, "as the txn's own write left it");
    assert_eq!(values(&results[2]), ["new", "new"]);
}

#[test]
fn a_member_that_does_not_answer_finds_nothing_and_does_the_same() {
    let (rig, entry) = (written(), entry(0, vec![nested()]));
    let apply = |is_answered| {
        let mut state = rig.state.clone();
        let effects = state.apply(1, &entry, |_| is_answered);
        (state, effects)
    };
    let ((answering, answered), (other, silent)) = (apply(true), apply(false));
    let past = |effects: &Effects| effects.applied[0].past.len();
    assert_eq!((past(&answered), past(&silent)), (3, 0));
    assert_eq!(answered.revisions, silent.revisions);
    assert_eq!(answering.digest(), other.digest());
}

#[test]
fn a_disk_that_cannot_be_read_fails_the_range_alone() {
    let rig = written();
    let mut state = rig.state.clone();
    let command = run(vec![put("k3", "1"), all_at(3), all_at(5)]);
    let mut effects = state.apply(1, &entry(0, vec![command]), |_| true);
    effects
        .applied
        .iter_mut()
        .for_each(|applied| read_past(applied, &Broken));
    let results = &outcome(&effects.applied[0].outcome).results;
    assert_eq!(results[1], OpResult::Failed(Refusal::HistoryUnreadable));
    assert_eq!(values(&results[2]), ["new", "new"], "that was in memory");
    assert_eq!(state.revision(), 6);
}

#[test]
fn a_revision_that_was_compacted_refuses_the_txn() {
    let mut rig = written();
    rig.apply(Command::Compact(4)).outcome.expect("compacted");
    let refused = rig.refused(run(vec![put("k3", "1"), all_at(3)]));
    assert_eq!(refused, Refusal::Compacted);
}
