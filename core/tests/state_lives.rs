//! Worked examples of leases, deadlines and time, one property each.

mod state_rig;

use state_rig::rig::*;

use quorate_core::command::{
    Command, Guard, LeaseCommand, Life, LifeCondition, Op, SetLifeOp, Test,
};
use quorate_core::outcome::{Cause, OpResult, Outcome, Refusal};
use quorate_core::state::{FirstEnds, State};
use quorate_core::types::{ClusterMillis, Deadline, KeyRange, LeaseId, UnixMillis};
use state_rig::{WALL_START, bytes, delete, entry, put, put_with, range, run};

#[test]
fn a_lease_ends_in_one_revision_with_its_keys_in_order() {
    let mut rig = Rig::new();
    rig.grant(7, 1_000);
    for key in ["c", "a", "b"] {
        rig.txn(vec![put_with(key, "1", Life::Lease(LeaseId(7)))]);
    }
    rig.txn(vec![put("b", "2")]);
    assert_eq!(rig.state.lease_keys(LeaseId(7)), [bytes("a"), bytes("c")]);
    assert_eq!(rig.state.first_ends().clock, Some(ClusterMillis(1_000)));
    rig.clock = 1_000;
    assert_eq!(
        rig.effects(vec![Command::Tick]).revisions,
        [],
        "not a moment early"
    );
    rig.clock = 1_001;
    let effects = rig.effects(vec![run(vec![put_with("d", "1", Life::Lease(LeaseId(7)))])]);
    assert_eq!(effects.applied[0].outcome, Err(Refusal::LeaseNotFound));
    assert_eq!(effects.revisions.len(), 1);
    let events = &effects.revisions[0].events;
    let ended: Vec<_> = events
        .iter()
        .map(|event| (event.kv.key.clone(), event.cause))
        .collect();
    assert_eq!(
        ended,
        [(bytes("a"), Cause::Expired), (bytes("c"), Cause::Expired)]
    );
    assert_eq!(
        (rig.value("b"), rig.state.first_ends()),
        (Some("2".into()), FirstEnds::default())
    );
}

#[test]
fn what_is_due_can_not_be_renewed_and_what_is_renewed_is_not_due() {
    let mut rig = Rig::new();
    rig.grant(7, 1_000);
    rig.txn(vec![put_with("k", "1", Life::For(500))]);
    let own = rig.lease_of("k");
    assert!(own.is_derived());
    rig.clock = 499;
    let renew = || Command::Lease(LeaseCommand::Renew(vec![LeaseId(7), own, LeaseId(9)]));
    let renewed = rig.apply(renew()).outcome;
    assert_eq!(
        renewed,
        Ok(Outcome::LeaseRenewed(vec![Some(1_000), Some(500), None]))
    );
    rig.clock = 1_000;
    let renewed = rig.apply(renew()).outcome;
    assert_eq!(
        renewed,
        Ok(Outcome::LeaseRenewed(vec![Some(1_000), None, None]))
    );
    assert_eq!((rig.value("k"), rig.state.revision()), (None, 3));
}

#[test]
fn derived_ids_stand_for_one_key() {
    let mut rig = Rig::new();
    rig.txn(vec![put_with("k", "1", Life::For(500))]);
    let own = rig.lease_of("k");
    let grant = Command::Lease(LeaseCommand::Grant {
        id: own,
        ttl_ms: 1_000,
    });
    assert_eq!(rig.refused(grant), Refusal::LeaseExists);
    let attach = run(vec![put_with("x", "1", Life::Lease(own))]);
    assert_eq!(rig.refused(attach), Refusal::LeaseNotFound);
    assert_eq!(rig.state.leases(), []);
    assert_eq!(rig.state.lease_keys(own), [bytes("k")]);
    rig.apply(Command::Lease(LeaseCommand::Revoke(own)))
        .outcome
        .expect("revoked");
    assert_eq!((rig.value("k"), rig.state.revision()), (None, 3));
    let again = Command::Lease(LeaseCommand::Revoke(own));
    assert_eq!(rig.refused(again), Refusal::LeaseNotFound);
}

#[test]
fn lives_change_without_a_revision() {
    let mut rig = Rig::new();
    rig.grant(7, 1_000);
    rig.txn(vec![put_with("a", "1", Life::Lease(LeaseId(7)))]);
    rig.txn(vec![put_with("b", "1", Life::Lease(LeaseId(7)))]);
    let before = rig.state.get(b"a").expect("a").clone();
    assert_eq!(
        rig.txn(vec![set_life("a", Life::For(9_000))]).results,
        [OpResult::SetLife(true)]
    );
    let after = rig.state.get(b"a").expect("a").clone();
    assert_eq!((rig.state.revision(), after.modified), (3, before.modified));
    assert!(after.life_generation > before.life_generation && after.lease.is_derived());
    assert_eq!(rig.state.lease_keys(LeaseId(7)), [bytes("b")]);
    let end = UnixMillis(WALL_START + 20_000);
    let until = Life::Until(end);
    rig.txn(vec![set_life("a", until)]);
    let later = rig.state.get(b"a").expect("a").clone();
    assert_eq!(
        (later.lease, later.deadline),
        (after.lease, Some(Deadline::Wall(end)))
    );
    rig.txn(vec![set_life("a", Life::Forever)]);
    assert_eq!(rig.lease_of("a"), LeaseId::NONE);
    let nothing = rig.txn(vec![
        set_life("a", Life::Forever),
        set_life("missing", until),
    ]);
    assert_eq!(
        nothing.results,
        [OpResult::SetLife(false), OpResult::SetLife(false)]
    );
    assert_eq!(
        rig.txn(vec![set_life("a", Life::For(0))]).results,
        [OpResult::SetLife(true)]
    );
    assert_eq!((rig.value("a"), rig.state.revision()), (None, 4));
}

#[test]
fn conditions_on_lives() {
    let mut rig = Rig::new();
    rig.txn(vec![put("a", "1")]);
    let mut expire = |ttl_ms, condition| {
        let op = SetLifeOp {
            key: bytes("a"),
            life: Life::For(ttl_ms),
            condition,
        };
        rig.txn(vec![Op::SetLife(op)]).results[0] == OpResult::SetLife(true)
    };
    let any = LifeCondition::default();
    assert!(!expire(
        50,
        LifeCondition {
            only_with: true,
            ..any
        }
    ));
    assert!(!expire(
        50,
        LifeCondition {
            only_later: true,
            ..any
        }
    ));
    assert!(expire(
        50,
        LifeCondition {
            only_earlier: true,
            ..any
        }
    ));
    assert!(!expire(
        60,
        LifeCondition {
            only_without: true,
            ..any
        }
    ));
    assert!(!expire(
        50,
        LifeCondition {
            only_later: true,
            ..any
        }
    ));
    assert!(expire(
        60,
        LifeCondition {
            only_later: true,
            ..any
        }
    ));
    assert!(!expire(
        60,
        LifeCondition {
            only_earlier: true,
            ..any
        }
    ));
    assert!(expire(
        0,
        LifeCondition {
            only_earlier: true,
            ..any
        }
    ));
}

#[test]
fn a_put_whose_time_is_over_leaves_nothing() {
    let mut rig = Rig::new();
    let past = Life::Until(UnixMillis(WALL_START - 1));
    let read = Op::Range(range(KeyRange::Key(bytes("a"))));
    let outcome = rig.txn(vec![put_with("a", "1", past), read]);
    assert!(matches!(&outcome.results[1], OpResult::Range(found) if found.count == 0));
    assert_eq!(rig.state.revision(), 2);
}

#[test]
fn only_so_many_lives_end_in_an_entry_but_for_those_that_are_named() {
    let mut rig = Rig::new();
    for key in 0..2_000 {
        let op = put_with(&format!("k{key:04}"), "1", Life::For(100 + key));
        rig.state.apply(1, &entry(0, vec![run(vec![op])]), |_| true);
    }
    let apply = |state: &mut State, command| {
        let effects = state.apply(1, &entry(5_000, vec![command]), |_| true);
        state.check();
        effects.revisions.len()
    };
    assert_eq!(apply(&mut rig.state, run(vec![delete("k1999")])), 129);
    assert_eq!(rig.state.count(&KeyRange::From(bytes(""))), 2_000 - 129);
    assert_eq!(apply(&mut rig.state, Command::Tick), 512);
    let rest = run(vec![Op::Range(range(KeyRange::From(bytes(""))))]);
    assert_eq!(apply(&mut rig.state, rest), 2_000 - 129 - 512);
}

#[test]
fn a_point_of_wall_time_ends_by_the_wall_and_a_time_to_live_by_the_clock() {
    let mut rig = Rig::new();
    let end = UnixMillis(WALL_START + 20_000);
    rig.txn(vec![put_with("until", "1", Life::Until(end))]);
    rig.txn(vec![put_with("for", "1", Life::For(20_000))]);
    // The clock goes on, the wall clock lags.
    let at = |clock: u64, wall: u64| {
        let mut tick = entry(clock, vec![Command::Tick]);
        tick.header.stamp.wall = UnixMillis(WALL_START + wall);
        tick
    };
    rig.effects_of(&at(10_000, 1_000));
    let left = |rig: &Rig, key: &str| {
        let record = rig.state.get(key.as_bytes()).expect("there");
        let deadline = record.deadline.expect("it ends");
        (
            deadline.left_ms(rig.state.now()),
            deadline.wall(rig.state.now()),
        )
    };
    assert_eq!(left(&rig, "until"), (19_000, end));
    assert_eq!(left(&rig, "for"), (10_000, UnixMillis(WALL_START + 11_000)));
    // Nobody led for a while.
    rig.effects_of(&at(10_001, 20_000));
    assert!(rig.value("until").is_some(), "not before it");
    let effects = rig.effects_of(&at(10_002, 20_001));
    assert_eq!(effects.revisions[0].events[0].cause, Cause::Expired);
    assert_eq!(
        (rig.value("until"), rig.value("for")),
        (None, Some("1".into()))
    );
    rig.effects_of(&at(20_001, 20_001));
    assert_eq!(rig.value("for"), None);
}

#[test]
fn ends_of_both_kinds_are_compared_by_their_wall_time() {
    let mut rig = Rig::new();
    rig.txn(vec![put_with("a", "1", Life::For(5_000))]);
    let mut expire = |life, only_later| {
        let op = SetLifeOp {
            key: bytes("a"),
            life,
            condition: LifeCondition {
                only_later,
                only_earlier: !only_later,
                ..LifeCondition::default()
            },
        };
        rig.txn(vec![Op::SetLife(op)]).results[0] == OpResult::SetLife(true)
    };
    let until = |after| Life::Until(UnixMillis(WALL_START + after));
    assert!(!expire(until(5_000), true) && !expire(until(5_000), false));
    assert!(expire(until(5_001), true));
    assert!(!expire(Life::For(5_001), true) && expire(Life::For(4_000), false));
    assert!(expire(until(3_000), false));
    // Renewed, it lives for what it had been given.
    let renew = Command::Lease(LeaseCommand::Renew(vec![rig.lease_of("a")]));
    assert_eq!(
        rig.apply(renew).outcome,
        Ok(Outcome::LeaseRenewed(vec![Some(3_000)]))
    );
    let deadline = rig.state.get(b"a").expect("a").deadline;
    assert_eq!(deadline, Some(Deadline::Clock(ClusterMillis(3_000))));
}

#[test]
fn a_stamp_of_another_term_leaves_the_clock_alone() {
    let mut state = State::default();
    state.apply(1, &entry(500, vec![Command::Tick]), |_| true);
    state.apply(2, &entry(900, vec![Command::Tick]), |_| true);
    assert_eq!(
        (state.now().clock.0, state.now().wall.0),
        (500, WALL_START + 500)
    );
    state.apply(1, &entry(400, vec![Command::Tick]), |_| true);
    assert_eq!(
        (state.now().clock.0, state.now().wall.0),
        (500, WALL_START + 500)
    );
}

#[test]
fn a_range_whose_lives_were_read_notices_when_one_changes() {
    let mut rig = Rig::new();
    rig.txn(vec![put("a", "1"), put_with("b", "1", Life::For(500))]);
    let guard = Guard {
        range: KeyRange::prefix(b""),
        test: Test::LivesUnchanged(rig.state.life_generation()),
    };
    rig.txn(vec![put("a", "2")]);
    assert!(rig.state.judge(&guard), "another value, the same life");
    rig.txn(vec![put_with("b", "1", Life::For(501))]);
    assert!(!rig.state.judge(&guard));
}
