//! Trials against apply: ops that are tried on the records that they read come to what they come to
//! when they are applied.

mod state_rig;

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use quorate_core::command::{Command, DataOp, DeleteOp, Life, Op, Program, PutOp};
use quorate_core::limits::{REQUEST_BYTES_MAX, TXN_MADE_BYTES_MAX};
use quorate_core::outcome::{DataResult, OpResult, Outcome, ProgramOutcome, Refusal};
use quorate_core::state::{State, Trial};
use quorate_core::types::{KeyRange, KeyValue};
use state_rig::acts::{KEYS, Step, steps, tried_ops};
use state_rig::model::plain;
use state_rig::{bytes, entry};

/// What a member reads for an op and gives the trial.
fn know(trial: &mut Trial, state: &State, op: &Op) {
    for key in op.reads() {
        let record = state.get(key).filter(|_| trial.get(key).is_none());
        record.into_iter().for_each(|record| trial.know(record));
    }
}

/// Tries ops on a state's records: the results, and which ops are to be proposed.
fn tried(trial: &mut Trial, state: &State, ops: &[Op]) -> (Vec<OpResult>, Vec<Op>) {
    for lease in state.leases() {
        trial.know_lease(lease.id, lease.deadline);
    }
    let (mut results, mut proposed) = (Vec::new(), Vec::new());
    for op in ops {
        know(trial, state, op);
        let tried = trial.run(op);
        results.push(tried.result);
        proposed.extend(tried.changes.then(|| op.clone()));
    }
    (results, proposed)
}

/// Applies ops as one program, at the time that it is.
fn applied(state: &mut State, ops: Vec<Op>) -> Result<ProgramOutcome, Refusal> {
    let program = Program {
        guards: Vec::new(),
        ops,
    };
    let entry = entry(state.now().clock.0, vec![Command::Program(program)]);
    let mut effects = state.apply(1, &entry, |_| true);
    match effects.applied.remove(0).outcome? {
        Outcome::Program(outcome) => Ok(outcome),
        other => panic!("no outcome of a program: {other:?}"),
    }
}

/// Without what a trial can't know: revisions and ids that the txn will draw.
fn known(record: &KeyValue) -> KeyValue {
    let (create_revision, version) = (0, 0);
    KeyValue {
        create_revision,
        version,
        modified: Default::default(),
        ..plain(record)
    }
}

fn known_old(old: Option<&Arc<KeyValue>>) -> Option<KeyValue> {
    old.map(|old| known(old))
}

/// Whether a result of the trial says what that of apply does.
fn agree(op: &Op, tried: &OpResult, applied: &OpResult) -> bool {
    match (tried, applied) {
        (OpResult::Put { prev: one, .. }, OpResult::Put { prev: other, .. }) => {
            known_old(one.as_ref()) == known_old(other.as_ref())
        }
        (OpResult::Delete { deleted: one, .. }, OpResult::Delete { deleted: other, .. }) => {
            let is_key = matches!(
                op,
                Op::Delete(DeleteOp {
                    range: KeyRange::Key(_),
                    ..
                })
            );
            !is_key || one == other
        }
        (
            OpResult::Data(DataResult::Set { done, old }),
            OpResult::Data(DataResult::Set {
                done: is_done,
                old: was,
            }),
        ) => done == is_done && known_old(old.as_ref()) == known_old(was.as_ref()),
        (OpResult::Data(DataResult::Old(one)), OpResult::Data(DataResult::Old(other))) => {
            known_old(one.as_ref()) == known_old(other.as_ref())
        }
        (one, other) => one == other,
    }
}

fn records(state: &State) -> Vec<KeyValue> {
    let all = KeyRange::From(Bytes::new());
    state.iter(&all).map(|record| known(record)).collect()
}

/// A state as random commands leave it, with nothing due.
fn state_of(steps: &[Step]) -> State {
    let (mut state, mut clock) = (State::default(), 0);
    for step in steps {
        clock += step.elapsed;
        state.apply(1, &entry(clock, vec![step.command.clone()]), |_| false);
    }
    state.apply(1, &entry(clock, vec![Command::Tick]), |_| false);
    state
}

fn check(before: &State, ops: &[Op]) {
    let mut trial = Trial::new(before.now());
    let (results, proposed) = tried(&mut trial, before, ops);
    let (mut after, mut after_proposed) = (before.clone(), before.clone());
    let outcome = applied(&mut after, ops.to_vec()).expect("it makes little");
    for ((op, tried), applied) in ops.iter().zip(&results).zip(&outcome.results) {
        assert!(agree(op, tried, applied), "{op:?}: {tried:?}, {applied:?}");
    }
    for key in KEYS {
        let is = after.get(key.as_bytes());
        match trial.get(key.as_bytes()) {
            None => assert_eq!(is, before.get(key.as_bytes()), "{key} was not touched"),
            Some(seen) => {
                assert_eq!(known_old(seen), known_old(is), "{key}");
                let (Some(seen), Some(is)) = (seen, is) else {
                    continue;
                };
                if let Some(revision) = Trial::create_revision(seen) {
                    assert_eq!(revision, is.create_revision, "{key}");
                }
                if let Some(generation) = Trial::life_read(seen) {
                    assert_eq!(generation, is.life_generation, "{key}");
                }
            }
        }
    }
    applied(&mut after_proposed, proposed).expect("it makes no more");
    assert_eq!(
        records(&after_proposed),
        records(&after),
        "what was left out does nothing"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn a_trial_does_what_apply_does(steps in steps(), ops in tried_ops()) {
        check(&state_of(&steps), &ops);
    }
}

fn put(key: &str, value: &str) -> Op {
    PutOp::bytes(bytes(key), bytes(value), Life::Forever).into()
}

/// A state with these strings.
fn with(strings: &[(&str, &str)]) -> State {
    let mut state = State::default();
    let ops = strings.iter().map(|(key, value)| put(key, value));
    applied(&mut state, ops.collect()).expect("it makes little");
    state
}

#[test]
fn what_was_deleted_unread_is_hidden() {
    let state = with(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let mut trial = Trial::new(state.now());
    let range = KeyRange::Span(bytes("a"), bytes("c"));
    let delete = DeleteOp {
        range: range.clone(),
        want_prev: false,
    };
    let add = DataOp::Add {
        key: bytes("a"),
        by: 5,
    };
    let (results, proposed) = tried(&mut trial, &state, &[delete.into(), add.into()]);
    assert_eq!(results[1], OpResult::Data(DataResult::Integer(5)));
    assert_eq!(proposed.len(), 2);
    assert!(trial.hides(&range) && !trial.is_empty());
    assert_eq!(trial.get(b"b"), Some(None));
    assert_eq!(trial.get(b"c"), None);
    let written: Vec<&Bytes> = trial.written(&range).collect();
    assert_eq!(written, ["a"]);
}

/// What is only read is let go, however much it is, and need not be proposed.
#[test]
fn what_changes_nothing_leaves_nothing() {
    let state = with(&[("a", "x")]);
    let mut trial = Trial::new(state.now());
    let add = |key| DataOp::Add { key, by: 1 }.into();
    let delete = DeleteOp::key(bytes("none")).into();
    let (results, proposed) = tried(&mut trial, &state, &[add(bytes("a")), delete]);
    assert_eq!(results[0], OpResult::Failed(Refusal::NotAnInteger));
    assert_eq!(proposed, []);
    assert!(trial.is_empty() && trial.get(b"a").is_none());
}

/// The same op is refused as in apply; and then all, for it may have been done in part.
#[test]
fn too_much_is_refused_as_in_apply() {
    let large = Bytes::from(vec![b'x'; REQUEST_BYTES_MAX]);
    let large = |n: usize| PutOp::bytes(n.to_string().into(), large.clone(), Life::Forever).into();
    let puts = TXN_MADE_BYTES_MAX / REQUEST_BYTES_MAX + 1;
    let ops: Vec<Op> = (0..puts).map(large).chain([put("small", "x")]).collect();
    let mut state = State::default();
    let mut trial = Trial::new(state.now());
    let (results, proposed) = tried(&mut trial, &state, &ops);
    let too_much = OpResult::Failed(Refusal::TooMuch);
    assert_eq!(results[puts - 1..], [too_much.clone(), too_much]);
    assert!(trial.is_over());
    let refused = applied(&mut state.clone(), ops[..puts].to_vec());
    assert_eq!(refused, Err(Refusal::TooMuch));
    assert!(applied(&mut state, proposed).is_ok(), "what was done fits");
}
