//! Keys without history that one op deletes together are swept: moved out of the index, with
//! events that are made when somebody reads them. Whoever looks must see no difference from
//! deleting one by one, which is what happens when the previous values are asked for.

#[path = "state_rig/mod.rs"]
mod state_rig;

use std::sync::Arc;

use quorate_core::command::*;
use quorate_core::outcome::{Cause, Effects, Event, OpResult, Outcome, Refusal};
use quorate_core::state::State;
use quorate_core::types::*;
use state_rig::rig::{Rig, set_life};
use state_rig::*;

const KEYS: usize = 1_000;

fn key(number: usize) -> String {
    format!("redis/0/key/{number:04}")
}

fn clear(range: KeyRange, want_prev: bool) -> Op {
    Op::Delete(DeleteOp { range, want_prev })
}

fn database() -> KeyRange {
    KeyRange::prefix(b"redis/0/")
}

/// Every third key ends by itself, at one of a few times.
fn load(rig: &mut Rig) {
    for from in (0..KEYS).step_by(100) {
        let puts = (from..from + 100).map(|number| match number % 3 {
            0 => put_with(&key(number), "v", Life::For(1_000 + number as u64 % 5)),
            _ => put(&key(number), "v"),
        });
        rig.txn(puts.collect());
    }
    rig.txn(vec![put("redis/1/other", "v"), put("etcd", "v")]);
}

fn events(effects: &Effects) -> Vec<(Revision, Vec<Event>)> {
    let made = effects.revisions.iter();
    made.map(|made| (made.revision, made.all().collect()))
        .collect()
}

/// What each op deleted, without the previous values.
fn deleted(effects: &Effects) -> Vec<u64> {
    let Ok(Outcome::Txn(outcome)) = &effects.applied[0].outcome else {
        panic!("{:?}", effects.applied);
    };
    let results = outcome.results.iter().filter_map(|result| match result {
        OpResult::Delete { deleted, .. } => Some(*deleted),
        _ => None,
    });
    results.collect()
}

fn records(state: &State) -> Vec<Arc<KeyValue>> {
    state.iter(&KeyRange::From(bytes(""))).cloned().collect()
}

/// Two states, one of which sweeps; both are given the same.
struct Pair([Rig; 2]);

impl Pair {
    fn loaded() -> Pair {
        let mut pair = Pair([Rig::new(), Rig::new()]);
        pair.0.iter_mut().for_each(load);
        pair
    }

    fn apply(&mut self, clock: u64, ops: impl Fn(bool) -> Vec<Op>) -> [Effects; 2] {
        let mut want_prev = true;
        let both = self.0.each_mut().map(|rig| {
            want_prev = !want_prev;
            rig.clock = clock;
            rig.effects(vec![run(ops(want_prev))])
        });
        assert_eq!(events(&both[0]), events(&both[1]));
        assert_eq!(deleted(&both[0]), deleted(&both[1]));
        let [one, other] = self.0.each_ref().map(|rig| records(&rig.state));
        assert_eq!(one, other);
        both
    }
}

#[test]
fn a_sweep_looks_like_deleting_one_by_one() {
    let mut pair = Pair::loaded();
    let because = || Op::Because(Cause::Flush);
    let both = pair.apply(10, |prev| {
        let again = clear(database(), prev);
        vec![
            put("redis/0/zzz", "in the way of nothing"),
            because(),
            clear(KeyRange::prefix(b"redis/0/key/"), prev),
            put(&key(5), "new"),
            again,
            put(&key(7), "newer"),
        ]
    });
    assert_eq!(both[0].revisions[0].swept_len(), KEYS, "it was swept");
    assert_eq!(both[1].revisions[0].swept_len(), 0, "it was not");
    assert_eq!(deleted(&both[0]), [KEYS as u64, 2]);
    assert_eq!(pair.0[0].state.count(&database()), 1);
    assert_eq!(pair.0[0].value("redis/1/other"), Some("v".into()));
    // The deadlines of what is gone pass, and end nothing.
    for clock in [11, 999, 1_003, 1_010, 5_000] {
        let both = pair.apply(clock, |_| vec![set_life(&key(7), Life::Forever)]);
        assert!(both[0].revisions.is_empty());
    }
}

#[test]
fn a_key_that_comes_again_has_its_own_life() {
    let mut pair = Pair::loaded();
    let ids = pair.0.each_ref().map(|rig| rig.lease_of(&key(3)));
    assert_eq!(ids[0], ids[1]);
    let id = ids[0];
    pair.apply(10, |prev| {
        vec![
            clear(database(), prev),
            put_with(&key(3), "again", Life::For(60_000)),
        ]
    });
    for rig in &pair.0 {
        assert_eq!(rig.state.lease(id), None);
        assert!(rig.state.lease_keys(id).is_empty());
    }
    for command in [LeaseCommand::Revoke(id), LeaseCommand::Renew(vec![id])] {
        let both = pair.0.each_mut().map(|rig| {
            let command = Command::Lease(command.clone());
            rig.apply(command).outcome
        });
        let wanted = match command {
            LeaseCommand::Renew(_) => Ok(Outcome::LeaseRenewed(vec![None])),
            _ => Err(Refusal::LeaseNotFound),
        };
        assert_eq!(both, [wanted.clone(), wanted]);
    }
    pair.apply(30_000, |_| vec![put("redis/1/tick", "1")]);
    assert_eq!(pair.0[0].value(&key(3)), Some("again".into()));
}

#[test]
fn a_txn_that_fails_after_a_sweep_changes_nothing() {
    let mut rig = Rig::new();
    load(&mut rig);
    let fails = put_with("redis/0/x", "1", Life::Lease(LeaseId(77)));
    let ops = vec![clear(database(), false), fails];
    assert_eq!(rig.refused(run(ops)), Refusal::LeaseNotFound);
    assert_eq!(rig.state.count(&database()), KEYS as u64);
}

#[test]
fn keys_on_a_granted_lease_are_let_go() {
    let mut rig = Rig::new();
    load(&mut rig);
    rig.grant(7, 1_000);
    let lease = Life::Lease(LeaseId(7));
    rig.txn(vec![put_with(&key(2), "1", lease)]);
    rig.txn(vec![clear(database(), false)]);
    assert!(rig.state.lease_keys(LeaseId(7)).is_empty());
    let effects = rig.effects(vec![Command::Lease(LeaseCommand::Revoke(LeaseId(7)))]);
    assert!(effects.revisions.is_empty());
}

#[test]
fn parts_of_the_keys_are_swept_in_any_order() {
    let mut pair = Pair::loaded();
    let mut random = 7_usize;
    for clock in 0..60 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let (a, b) = ((random >> 33) % KEYS, (random >> 20) % KEYS);
        let range = span(&key(a.min(b)), &key(a.max(b)));
        pair.apply(clock, |prev| match clock % 4 {
            3 => (a.min(b)..a.max(b))
                .map(|n| put(&key(n), "again"))
                .collect(),
            _ => vec![clear(range.clone(), prev)],
        });
    }
}
