//! Worked examples of applying commands, one property each.

mod state_rig;

use quorate_core::command::{AlarmCommand, AlarmKind};
use quorate_core::command::{
    Command, DataOp, Guard, Judged, LeaseCommand, Life, LifeCondition, OnError, Op, PutOp,
    PutValue, RangeOp, Relation, SetLifeOp, Test, Txn,
};
use quorate_core::outcome::{Applied, Cause, Effects, OpResult, Outcome, Refusal, TxnOutcome};
use quorate_core::state::State;
use quorate_core::types::{ClusterMillis, KeyRange, LeaseId, UnixMillis};
use state_rig::rows::Rows;
use state_rig::{WALL_START, bytes, delete, entry, put, put_with, range, run, span, txn};

struct Rig {
    state: State,
    rows: Rows,
    clock: u64,
}

impl Rig {
    fn new() -> Rig {
        let mut state = State::default();
        // Time has come in before the first command.
        state.apply(1, &entry(0, vec![Command::Tick]), &Rows::default());
        let rows = Rows::new(&state);
        Rig {
            state,
            rows,
            clock: 0,
        }
    }

    fn effects(&mut self, commands: Vec<Command>) -> Effects {
        let effects = self
            .state
            .apply(1, &entry(self.clock, commands), &self.rows);
        self.rows.keep(&self.state, &effects);
        self.state.check();
        assert_eq!(self.rows.restore().digest(), self.state.digest());
        effects
    }

    fn apply(&mut self, command: Command) -> Applied {
        self.effects(vec![command]).applied.remove(0)
    }

    fn txn(&mut self, ops: Vec<Op>) -> TxnOutcome {
        match self.apply(run(ops)).outcome {
            Ok(Outcome::Txn(outcome)) => outcome,
            other => panic!("{other:?}"),
        }
    }

    fn refused(&mut self, command: Command) -> Refusal {
        let before = self.state.digest();
        let refusal = self.apply(command).outcome.expect_err("refused");
        assert_eq!(self.state.digest(), before, "a refusal changes nothing");
        refusal
    }

    fn value(&self, key: &str) -> Option<String> {
        let record = self.state.get(key.as_bytes())?;
        let value = record.value.as_bytes().expect("bytes");
        Some(String::from_utf8_lossy(value).into_owned())
    }

    fn lease_of(&self, key: &str) -> LeaseId {
        self.state.get(key.as_bytes()).expect("key").lease
    }

    fn grant(&mut self, id: i64, ttl_ms: u64) {
        let granted = self.apply(Command::Lease(LeaseCommand::Grant {
            id: LeaseId(id),
            ttl_ms,
        }));
        assert!(granted.outcome.is_ok());
    }
}

fn set_life(key: &str, life: Life) -> Op {
    Op::SetLife(SetLifeOp {
        key: bytes(key),
        life,
        condition: LifeCondition::default(),
    })
}

fn guard(key: &str, test: Test) -> Guard {
    Guard {
        range: KeyRange::Key(bytes(key)),
        test,
    }
}

fn at(revision: i64) -> RangeOp {
    RangeOp {
        revision,
        ..range(KeyRange::From(bytes("")))
    }
}

#[test]
fn revisions_start_at_1_and_rise_with_changes_only() {
    let mut rig = Rig::new();
    assert_eq!(
        (rig.state.revision(), rig.state.compact_revision()),
        (1, -1)
    );
    assert_eq!(rig.apply(run(vec![delete("a")])).revision, 1);
    assert_eq!(
        rig.apply(run(vec![put("a", "1"), put("b", "1")])).revision,
        2
    );
    let b = rig.state.get(b"b").expect("b");
    assert_eq!(
        (
            b.modified.main,
            b.modified.sub,
            b.create_revision,
            b.version
        ),
        (2, 1, 2, 1)
    );
    assert_eq!(rig.apply(Command::Tick).revision, 2);
}

#[test]
fn ops_tell_the_revision_they_see() {
    let mut rig = Rig::new();
    let ops = vec![
        Op::Range(range(KeyRange::Key(bytes("a")))),
        delete("a"),
        put("a", "1"),
        Op::Range(range(KeyRange::Key(bytes("a")))),
        delete("nothing"),
    ];
    let seen: Vec<i64> = rig.txn(ops).results.iter().map(revision_of).collect();
    assert_eq!(seen, [1, 1, 2, 2, 2]);
}

fn revision_of(result: &OpResult) -> i64 {
    match result {
        OpResult::Range(result) => result.revision,
        OpResult::Put { revision, .. } | OpResult::Delete { revision, .. } => *revision,
        other => panic!("{other:?}"),
    }
}

#[test]
fn guards_of_nested_txns_are_judged_before_the_txn_unless_in_order() {
    for (judged, put_b) in [(Judged::AtStart, false), (Judged::InOrder, true)] {
        let mut rig = Rig::new();
        let inner = Txn {
            guards: vec![guard("a", Test::Version(Relation::Equal, 1))],
            then: vec![put("b", "1")],
            judged,
            ..Txn::default()
        };
        rig.txn(vec![put("a", "1"), Op::Txn(inner)]);
        assert_eq!(rig.value("b").is_some(), put_b);
    }
}

/// Verdicts of nested txns were once a list consumed in order: an inner txn that failed before its
/// own inner txn left a verdict over, and the next sibling took it.
#[test]
fn a_collected_failure_does_not_shift_the_verdicts_of_its_siblings() {
    let mut rig = Rig::new();
    let never = vec![guard("a", Test::Version(Relation::Greater, 0))];
    let lost = Txn {
        guards: never,
        ..Txn::default()
    };
    let keep = Op::Put(PutOp {
        key: bytes("missing"),
        value: PutValue::Keep,
        life: Life::Forever,
        want_prev: false,
    });
    let failing = txn(vec![keep, Op::Txn(lost)]);
    let outer = Txn {
        then: vec![Op::Txn(failing), Op::Txn(txn(vec![put("b", "1")]))],
        on_error: OnError::Collect,
        ..Txn::default()
    };
    rig.apply(Command::Txn(outer)).outcome.expect("applied");
    assert_eq!(rig.value("b").as_deref(), Some("1"));
}

#[test]
fn compares_of_missing_keys() {
    let mut rig = Rig::new();
    rig.txn(vec![put("a", "1")]);
    let judge = |range: KeyRange, test: Test| rig.state.judge(&Guard { range, test });
    let none = || span("x", "z");
    assert!(judge(none(), Test::Version(Relation::Equal, 0)));
    assert!(!judge(none(), Test::Version(Relation::Greater, 0)));
    assert!(!judge(none(), Test::Value(Relation::NotEqual, bytes("1"))));
    assert!(judge(none(), Test::LifeGeneration(0)));
    assert!(judge(
        span("a", "z"),
        Test::Unchanged {
            count: 1,
            newest: 2
        }
    ));
    assert!(!judge(
        span("a", "z"),
        Test::Unchanged {
            count: 1,
            newest: 1
        }
    ));
    assert!(judge(none(), Test::NotAfter(ClusterMillis(0))));
}

#[test]
fn abort_takes_all_back_and_collect_only_the_op() {
    let mut rig = Rig::new();
    rig.txn(vec![put("a", "text")]);
    let add = || {
        Op::Data(DataOp::Add {
            key: bytes("a"),
            by: 1,
        })
    };
    let ops = || vec![put("b", "1"), add(), put("c", "1")];
    assert_eq!(rig.refused(run(ops())), Refusal::NotAnInteger);
    let collect = Txn {
        on_error: OnError::Collect,
        ..txn(ops())
    };
    let Ok(Outcome::Txn(outcome)) = rig.apply(Command::Txn(collect)).outcome else {
        panic!("applied")
    };
    assert_eq!(outcome.results[1], OpResult::Failed(Refusal::NotAnInteger));
    assert_eq!(
        (rig.value("b"), rig.value("c")),
        (Some("1".into()), Some("1".into()))
    );
    assert_eq!(rig.state.revision(), 3);
}

#[test]
fn what_etcd_checks_before_the_first_write() {
    let mut rig = Rig::new();
    let own_revision = run(vec![put("a", "1"), Op::Range(at(2))]);
    assert_eq!(rig.refused(own_revision), Refusal::FutureRevision);
    let keep = PutOp {
        key: bytes("a"),
        value: PutValue::Keep,
        life: Life::Forever,
        want_prev: false,
    };
    let keep_own = run(vec![put("a", "1"), Op::Put(keep)]);
    assert_eq!(rig.refused(keep_own), Refusal::KeyNotFound);
    let attach = run(vec![put_with("a", "1", Life::Lease(LeaseId(7)))]);
    assert_eq!(rig.refused(attach), Refusal::LeaseNotFound);
    // Negative revisions are the newest as long as nothing was compacted.
    rig.txn(vec![put("a", "1"), Op::Range(at(-1))]);
    assert_eq!(
        rig.refused(run(vec![Op::Range(at(-2))])),
        Refusal::Compacted
    );
    rig.apply(Command::Compact(1)).outcome.expect("compacted");
    assert_eq!(
        rig.refused(run(vec![Op::Range(at(-1))])),
        Refusal::Compacted
    );
}

#[test]
fn old_revisions_until_they_are_compacted() {
    let mut rig = Rig::new();
    rig.txn(vec![put("a", "1")]);
    rig.txn(vec![put("a", "2"), put("b", "1")]);
    rig.txn(vec![delete("a")]);
    let keys = |rig: &Rig, revision| {
        let found = rig.state.range(&at(revision), &rig.rows).expect("readable");
        assert_eq!((found.count, found.revision), (found.kvs.len() as u64, 4));
        let versions = found.kvs.iter().map(|kv| (kv.key.clone(), kv.version));
        versions.collect::<Vec<_>>()
    };
    assert_eq!(keys(&rig, 1), []);
    assert_eq!(keys(&rig, 2), [(bytes("a"), 1)]);
    assert_eq!(keys(&rig, 3), [(bytes("a"), 2), (bytes("b"), 1)]);
    assert_eq!(keys(&rig, 4), [(bytes("b"), 1)]);
    assert_eq!(rig.refused(Command::Compact(5)), Refusal::FutureRevision);
    rig.apply(Command::Compact(3)).outcome.expect("compacted");
    assert_eq!(keys(&rig, 3), [(bytes("a"), 2), (bytes("b"), 1)]);
    assert_eq!(rig.state.range(&at(2), &rig.rows), Err(Refusal::Compacted));
    assert_eq!(
        rig.state.range(&at(5), &rig.rows),
        Err(Refusal::FutureRevision)
    );
    assert_eq!(rig.refused(Command::Compact(3)), Refusal::Compacted);
}

#[test]
fn forgetful_prefixes_are_read_as_they_are_or_not_at_all() {
    let mut rig = Rig::new();
    rig.txn(vec![put("redis/0/a", "1")]);
    rig.txn(vec![put("redis/0/a", "2")]);
    rig.txn(vec![put("k", "1")]);
    assert_eq!(rig.state.range(&at(2), &rig.rows), Err(Refusal::Compacted));
    assert_eq!(
        rig.state
            .range(&at(3), &rig.rows)
            .expect("newest of its kind")
            .count,
        1
    );
    let k = RangeOp {
        revision: 2,
        ..range(KeyRange::Key(bytes("k")))
    };
    assert_eq!(
        rig.state.range(&k, &rig.rows).expect("has history").count,
        0
    );
}

#[test]
fn a_lease_ends_in_one_revision_with_its_keys_in_order() {
    let mut rig = Rig::new();
    rig.grant(7, 1_000);
    for key in ["c", "a", "b"] {
        rig.txn(vec![put_with(key, "1", Life::Lease(LeaseId(7)))]);
    }
    rig.txn(vec![put("b", "2")]);
    assert_eq!(rig.state.lease_keys(LeaseId(7)), [bytes("a"), bytes("c")]);
    assert_eq!(rig.state.next_deadline(), Some(ClusterMillis(1_000)));
    rig.clock = 1_000;
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
        (rig.value("b"), rig.state.next_deadline()),
        (Some("2".into()), None)
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
    rig.clock = 999;
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
    let until = Life::Until(UnixMillis(WALL_START + 20_000));
    rig.txn(vec![set_life("a", until)]);
    let later = rig.state.get(b"a").expect("a").clone();
    assert_eq!(
        (later.lease, later.deadline),
        (after.lease, Some(ClusterMillis(20_000)))
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
    for key in 0..1_200 {
        let op = put_with(&format!("k{key:04}"), "1", Life::For(100 + key));
        rig.state
            .apply(1, &entry(0, vec![run(vec![op])]), &rig.rows);
    }
    let apply = |state: &mut State, command| {
        let effects = state.apply(1, &entry(5_000, vec![command]), &Rows::default());
        state.check();
        effects.revisions.len()
    };
    assert_eq!(apply(&mut rig.state, run(vec![delete("k1199")])), 513);
    assert_eq!(rig.state.count(&KeyRange::From(bytes(""))), 1_200 - 513);
    assert_eq!(apply(&mut rig.state, Command::Tick), 512);
    let rest = run(vec![Op::Range(range(KeyRange::From(bytes(""))))]);
    assert_eq!(apply(&mut rig.state, rest), 1_200 - 513 - 512);
}

#[test]
fn a_stamp_of_another_term_leaves_the_clock_alone() {
    let mut state = State::default();
    state.apply(1, &entry(500, vec![Command::Tick]), &Rows::default());
    state.apply(2, &entry(900, vec![Command::Tick]), &Rows::default());
    assert_eq!((state.clock().0, state.wall().0), (500, WALL_START + 500));
    state.apply(1, &entry(400, vec![Command::Tick]), &Rows::default());
    assert_eq!((state.clock().0, state.wall().0), (500, WALL_START + 500));
}

#[test]
fn an_alarm_of_space_refuses_what_grows() {
    let mut rig = Rig::new();
    rig.txn(vec![put("a", "1")]);
    let (member, kind) = (3, AlarmKind::NoSpace);
    let on = Command::Alarm(AlarmCommand::Activate { member, kind });
    assert_eq!(rig.apply(on).outcome, Ok(Outcome::Alarms(vec![(3, kind)])));
    assert_eq!(rig.refused(run(vec![put("a", "2")])), Refusal::NoSpace);
    let grant = LeaseCommand::Grant {
        id: LeaseId(7),
        ttl_ms: 1,
    };
    assert_eq!(rig.refused(Command::Lease(grant)), Refusal::NoSpace);
    rig.txn(vec![delete("a")]);
    let off = || Command::Alarm(AlarmCommand::Deactivate { member, kind });
    assert_eq!(
        rig.apply(off()).outcome,
        Ok(Outcome::Alarms(vec![(3, kind)]))
    );
    assert_eq!(rig.apply(off()).outcome, Ok(Outcome::Alarms(vec![])));
    rig.txn(vec![put("a", "2")]);
}

#[test]
fn a_hash_that_loses_its_last_field_is_gone_and_no_empty_one_comes() {
    let mut rig = Rig::new();
    let fields = |names: &[&str]| names.iter().map(|name| (bytes(name), bytes("1"))).collect();
    let set = |names: &[&str]| {
        let fields = std::sync::Arc::new(fields(names));
        Op::Data(DataOp::HashSet {
            key: bytes("h"),
            fields,
            only_missing: false,
        })
    };
    rig.txn(vec![set(&[])]);
    assert_eq!(
        (
            rig.state.count(&KeyRange::From(bytes(""))),
            rig.state.revision()
        ),
        (0, 1)
    );
    rig.txn(vec![set(&["x", "y"])]);
    let value = guard("h", Test::Value(Relation::NotEqual, bytes("")));
    assert!(!rig.state.judge(&value));
    let fields = vec![bytes("x"), bytes("y"), bytes("z")];
    rig.txn(vec![Op::Data(DataOp::HashDelete {
        key: bytes("h"),
        fields,
    })]);
    assert_eq!((rig.state.get(b"h"), rig.state.revision()), (None, 3));
}
