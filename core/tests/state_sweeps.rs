//! Many keys that are deleted together are swept: moved out of the index, with events that are made
//! when somebody reads them and tombstones that come later. Whoever looks must see no difference
//! from deleting one by one, at any revision.

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

/// Keys with history, so many that their tombstones come in several entries.
const OLD_KEYS: usize = 9_000;

fn old_key(number: usize) -> String {
    format!("old/{number:05}")
}

fn clear(range: KeyRange) -> Op {
    Op::Delete(DeleteOp {
        range,
        want_prev: false,
    })
}

/// Deletes all of a range by one op, or each of `keys`, in order, by its own.
fn clear_as(cause: Cause, range: KeyRange, keys: &[String], one_by_one: bool) -> Vec<Op> {
    let each = |key: &String| [Op::Because(cause), clear(KeyRange::Key(bytes(key)))];
    match one_by_one {
        true => keys.iter().flat_map(each).collect(),
        false => vec![Op::Because(cause), clear(range)],
    }
}

fn database() -> KeyRange {
    KeyRange::prefix(b"redis/0/")
}

fn all_keys() -> Vec<String> {
    let mut keys: Vec<String> = (0..KEYS).map(key).collect();
    keys.push("redis/0/zzz".into());
    keys
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

/// Of the keys some are written twice, some are deleted already, some hang on a lease.
fn load_old(rig: &mut Rig) {
    rig.grant(7, 1_000);
    for from in (0..OLD_KEYS).step_by(1_000) {
        let puts = (from..from + 1_000).map(|number| match number % 3 {
            0 => put_with(&old_key(number), "v", Life::Lease(LeaseId(7))),
            _ => put(&old_key(number), "v"),
        });
        rig.txn(puts.collect());
    }
    let some = |step| (0..OLD_KEYS).step_by(step).map(old_key);
    rig.txn(some(5).map(|key| put(&key, "again")).collect());
    rig.txn(some(7).map(|key| delete(&key)).collect());
    rig.txn(vec![put("a", "v"), put("redis/0/x", "v"), put("z", "v")]);
}

fn events(effects: &Effects) -> Vec<(Revision, Vec<Event>)> {
    let made = effects.revisions.iter();
    made.map(|made| (made.revision, made.all().collect()))
        .collect()
}

/// How many keys the ops have deleted.
fn deleted(effects: &Effects) -> u64 {
    let Ok(Outcome::Txn(outcome)) = &effects.applied[0].outcome else {
        panic!("{:?}", effects.applied);
    };
    let results = outcome.results.iter().filter_map(|result| match result {
        OpResult::Delete { deleted, .. } => Some(*deleted),
        _ => None,
    });
    results.sum()
}

fn records(state: &State) -> Vec<Arc<KeyValue>> {
    state.iter(&KeyRange::From(bytes(""))).cloned().collect()
}

/// Two states, the first of which sweeps.
struct Pair([Rig; 2]);

impl Pair {
    fn loaded(load: fn(&mut Rig)) -> Pair {
        let mut pair = Pair([Rig::new(), Rig::new()]);
        pair.0.iter_mut().for_each(load);
        pair
    }

    /// Gives both a txn; the second one's deletes one by one.
    fn apply(&mut self, clock: u64, ops: impl Fn(bool) -> Vec<Op>) -> [Effects; 2] {
        let both = self.give(clock, |one_by_one| run(ops(one_by_one)));
        assert_eq!(deleted(&both[0]), deleted(&both[1]));
        both
    }

    fn give(&mut self, clock: u64, command: impl Fn(bool) -> Command) -> [Effects; 2] {
        let mut one_by_one = true;
        let both = self.0.each_mut().map(|rig| {
            one_by_one = !one_by_one;
            rig.clock = clock;
            rig.effects(vec![command(one_by_one)])
        });
        assert_eq!(events(&both[0]), events(&both[1]));
        let [one, other] = &self.0;
        assert_eq!(records(&one.state), records(&other.state));
        both
    }

    /// What both are at every revision is the same. (That a state that was rebuilt from its rows,
    /// and has no graves, has the same digest is seen to by the rig, with each entry.)
    fn is_same(&self, range: &KeyRange) {
        let [one, other] = &self.0;
        assert_eq!(one.state.revision(), other.state.revision());
        for revision in one.state.compact_revision().max(1)..=one.state.revision() {
            let op = RangeOp {
                revision,
                ..RangeOp::new(range.clone())
            };
            let [a, b] = self.0.each_ref().map(|rig| rig.state.range(&op, &rig.rows));
            assert_eq!(a.expect("a range"), b.expect("a range"), "at {revision}");
        }
    }
}

#[test]
fn a_sweep_looks_like_deleting_one_by_one() {
    let mut pair = Pair::loaded(load);
    let both = pair.apply(10, |one_by_one| {
        let keys = all_keys();
        let first = KeyRange::prefix(b"redis/0/key/");
        let mut ops = vec![put("redis/0/zzz", "in the way of nothing")];
        ops.extend(clear_as(Cause::Flush, first, &keys[..KEYS], one_by_one));
        ops.push(put(&key(5), "new"));
        ops.extend(clear_as(Cause::Delete, database(), &keys, one_by_one));
        ops.push(put(&key(7), "newer"));
        ops
    });
    assert_eq!(both[0].revisions[0].swept_len(), KEYS, "it was swept");
    assert_eq!(both[1].revisions[0].swept_len(), 0, "it was not");
    assert_eq!(deleted(&both[0]), KEYS as u64 + 2);
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
    let mut pair = Pair::loaded(load);
    let ids = pair.0.each_ref().map(|rig| rig.lease_of(&key(3)));
    assert_eq!(ids[0], ids[1]);
    let id = ids[0];
    pair.apply(10, |one_by_one| {
        let mut ops = clear_as(Cause::Flush, database(), &all_keys(), one_by_one);
        ops.push(put_with(&key(3), "again", Life::For(60_000)));
        ops
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
    let ops = vec![clear(database()), fails];
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
    let effects = rig.effects(vec![run(vec![clear(database())])]);
    assert_eq!(effects.revisions[0].swept_len(), KEYS);
    assert!(rig.state.lease_keys(LeaseId(7)).is_empty());
    let effects = rig.effects(vec![Command::Lease(LeaseCommand::Revoke(LeaseId(7)))]);
    assert!(effects.revisions.is_empty());
}

#[test]
fn parts_of_the_keys_are_swept_in_any_order() {
    let mut pair = Pair::loaded(load);
    let mut random = 7_usize;
    for clock in 0..60 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let (a, b) = ((random >> 33) % KEYS, (random >> 20) % KEYS);
        let keys: Vec<String> = (a.min(b)..a.max(b)).map(key).collect();
        let range = span(&key(a.min(b)), &key(a.max(b)));
        pair.apply(clock, |one_by_one| match clock % 4 {
            3 => keys.iter().map(|key| put(key, "again")).collect(),
            _ => clear_as(Cause::Delete, range.clone(), &keys, one_by_one),
        });
    }
}

/// A deletion of a million keys with history took six seconds in apply: each was a change by
/// itself.
#[test]
fn keys_with_history_are_swept_and_every_revision_stays_what_it_was() {
    let mut pair = Pair::loaded(load_old);
    let everything = KeyRange::From(bytes(""));
    let both = pair.apply(10, |one_by_one| {
        let mut keys = vec!["a".to_owned()];
        keys.extend((0..OLD_KEYS).map(old_key));
        keys.extend(["redis/0/x", "z"].map(str::to_owned));
        clear_as(Cause::Delete, everything.clone(), &keys, one_by_one)
    });
    assert_eq!(both[0].revisions[0].swept_len() as u64, deleted(&both[0]));
    assert_eq!(both[1].revisions[0].swept_len(), 0);
    // At once, and while the tombstones come.
    for entry in 0..4_usize {
        pair.is_same(&everything);
        pair.is_same(&span(&old_key(3_000), &old_key(3_100)));
        assert!(pair.0[0].state.lease_keys(LeaseId(7)).is_empty());
        pair.apply(11, |_| vec![put(&old_key(8_000 + 3 * entry), "new")]);
    }
    pair.is_same(&everything);
}

#[test]
fn what_is_swept_comes_back_and_goes_again_before_its_turn() {
    let mut pair = Pair::loaded(load_old);
    let range = KeyRange::prefix(b"old/");
    let keys: Vec<String> = (0..OLD_KEYS).map(old_key).collect();
    let gone = |one_by_one| clear_as(Cause::Delete, range.clone(), &keys, one_by_one);
    pair.apply(10, |one_by_one| {
        let mut ops = vec![put(&old_key(4_444), "before")];
        ops.extend(gone(one_by_one));
        ops.push(put_with(
            &old_key(8_998),
            "at once",
            Life::Lease(LeaseId(7)),
        ));
        ops
    });
    // A create of what is gone, on the lease that it hung on, on none, and by a nested txn.
    let absent = |key: &str| Guard {
        range: KeyRange::Key(bytes(key)),
        test: Test::CreateRevision(Relation::Equal, 0),
    };
    let lease = Life::Lease(LeaseId(7));
    let both = pair.apply(11, |_| {
        let inner = Txn {
            guards: vec![absent(&old_key(8_997)), absent(&old_key(8_996))],
            then: vec![put_with(&old_key(8_997), "created", lease)],
            otherwise: vec![put("old/otherwise", "")],
        };
        vec![put(&old_key(8_994), "put"), Op::Txn(inner)]
    });
    assert_eq!(both[0].revisions[0].events.len(), 2);
    let left = [8_997, 8_998].map(|number| bytes(&old_key(number)));
    assert_eq!(pair.0[0].state.lease_keys(LeaseId(7)), left);
    pair.is_same(&range);
    // A second deletion, while the first is worked off; and a compaction between the two.
    pair.apply(12, gone);
    pair.is_same(&range);
    let compacted = pair.0[0].state.revision() - 1;
    pair.give(12, |_| Command::Compact(compacted));
    for clock in 13..20 {
        pair.is_same(&range);
        pair.apply(clock, |_| vec![put(&old_key(4_500), "new")]);
    }
    pair.give(20, |_| Command::Compact(compacted + 3));
    for clock in 21..35 {
        pair.apply(clock, |_| vec![put(&old_key(4_500), "newer")]);
    }
    pair.is_same(&range);
    let effects = pair.give(35, |_| Command::Lease(LeaseCommand::Revoke(LeaseId(7))));
    assert!(effects[0].revisions.is_empty(), "none hangs on it any more");
}

#[test]
fn the_keys_of_a_lease_are_swept_in_one_revision() {
    let mut pair = Pair::loaded(load_old);
    for rig in &mut pair.0 {
        let lease = Life::Lease(LeaseId(7));
        rig.txn(vec![
            put_with("redis/0/y", "", lease),
            put_with("b", "", lease),
        ]);
    }
    let keys = pair.0[0].state.lease_keys(LeaseId(7));
    let both = pair.give(10, |one_by_one| match one_by_one {
        false => Command::Lease(LeaseCommand::Revoke(LeaseId(7))),
        true => run(keys
            .iter()
            .map(|key| clear(KeyRange::Key(key.clone())))
            .collect()),
    });
    assert_eq!(both[0].revisions[0].swept_len(), keys.len());
    assert_eq!(pair.0[0].state.lease(LeaseId(7)), None);
    pair.0[1].effects(vec![Command::Lease(LeaseCommand::Revoke(LeaseId(7)))]);
    pair.0[0].effects(vec![Command::Tick]);
    pair.is_same(&KeyRange::From(bytes("")));
    // The same id again has none of the keys.
    pair.0.iter_mut().for_each(|rig| rig.grant(7, 500));
    pair.apply(11, |_| {
        let lease = Life::Lease(LeaseId(7));
        vec![put_with(&old_key(8_997), "new", lease)]
    });
    for rig in &mut pair.0 {
        rig.clock = 600;
        let effects = rig.effects(vec![Command::Tick]);
        assert_eq!(effects.revisions[0].len(), 1);
    }
    pair.is_same(&KeyRange::From(bytes("")));
}

/// What the answer tells of the previous values does not change how keys are deleted.
#[test]
fn previous_values_are_told_of_what_is_swept() {
    let mut rig = Rig::new();
    load_old(&mut rig);
    let range = span(&old_key(100), &old_key(600));
    let wanted: Vec<_> = rig.state.iter(&range).cloned().collect();
    let applied = rig.effects(vec![run(vec![Op::Delete(DeleteOp {
        range,
        want_prev: true,
    })])]);
    assert_eq!(applied.revisions[0].swept_len(), wanted.len());
    let Ok(Outcome::Txn(outcome)) = &applied.applied[0].outcome else {
        panic!("{:?}", applied.applied);
    };
    let OpResult::Delete { deleted, prev, .. } = &outcome.results[0] else {
        panic!("{:?}", outcome.results);
    };
    assert_eq!((*deleted as usize, prev), (wanted.len(), &wanted));
}
