//! Worked examples of txns, revisions and reads, one property each.

mod state_rig;

use state_rig::rig::*;

use quorate_core::command::{AlarmCommand, AlarmKind, ClusterCommand, ScriptCommand};
use quorate_core::command::{
    Command, DataOp, Guard, LeaseCommand, Life, Op, PutOp, PutValue, RangeOp, Relation, Test,
    TurnId, TurnOp, TurnStep, Txn,
};
use quorate_core::limits::{
    FEATURE_LEVEL, FEATURE_LEVEL_MIN, SCRIPTS_BYTES_MAX, TXN_READ_BYTES_MAX,
};
use quorate_core::outcome::{Effects, Notice, OpResult, Outcome, Refusal};
use quorate_core::state::{Builder, State, read_past};
use quorate_core::types::{KeyRange, LeaseId, UnixMillis};
use state_rig::rows::Rows;
use state_rig::{bytes, delete, entry, put, put_with, range, run, span};

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
fn ranges_beyond_the_room_of_a_txn_fail_and_decide_nothing() {
    let mut rig = Rig::new();
    let mebibyte = "x".repeat(1 << 20);
    rig.apply(run(vec![put("large", &mebibyte), put("small", "1")]));
    let read = |key: &str| Op::Range(range(KeyRange::Key(bytes(key))));
    let keys_only = Op::Range(RangeOp {
        keys_only: true,
        ..range(KeyRange::Key(bytes("large")))
    });
    let fits = TXN_READ_BYTES_MAX / mebibyte.len() - 1;
    let both = Op::Range(range(span("large", "t")));
    let mut ops = vec![read("large"); fits];
    ops.extend([keys_only, both, read("small"), put("a", "1")]);
    let results = rig.txn(ops).results;
    let (answered, rest) = results.split_at(fits + 1);
    assert!(answered.iter().all(is_range), "what fits is answered");
    assert_eq!(rest[..2], [too_large(), too_large()], "nothing after it is");
    assert_eq!(rig.value("a").as_deref(), Some("1"), "the put is made");
}

fn is_range(result: &OpResult) -> bool {
    matches!(result, OpResult::Range(_))
}

fn too_large() -> OpResult {
    OpResult::Failed(Refusal::AnswerTooLarge)
}

/// A disk that can't be read is one member's trouble; the members' states stay alike.
#[test]
fn history_that_cannot_be_read_decides_nothing() {
    let mut rig = Rig::new();
    rig.txn(vec![put("a", "1")]);
    rig.txn(vec![put("a", "2")]);
    let old = Op::Range(RangeOp {
        revision: 2,
        ..range(KeyRange::Key(bytes("a")))
    });
    let entry = entry(0, vec![run(vec![old, put("b", "1")])]);
    let mut without = rig.state.clone();
    let first = |rows: &Rows, state: &mut State| {
        let mut effects = state.apply(1, &entry, |_| true);
        effects
            .applied
            .iter_mut()
            .for_each(|applied| read_past(applied, rows));
        match effects.applied.remove(0).outcome {
            Ok(Outcome::Txn(mut outcome)) => outcome.results.remove(0),
            other => panic!("{other:?}"),
        }
    };
    assert!(is_range(&first(&rig.rows, &mut rig.state)));
    let unread = first(&Rows::default(), &mut without);
    assert_eq!(unread, OpResult::Failed(Refusal::HistoryUnreadable));
    assert_eq!(without.digest(), rig.state.digest());
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
fn guards_of_nested_txns_are_judged_before_the_txn() {
    let mut rig = Rig::new();
    let inner = |key: &str| Txn {
        guards: vec![guard(key, Test::Version(Relation::Equal, 1))],
        then: vec![put("b", "1")],
        otherwise: vec![put("c", "1")],
    };
    rig.txn(vec![put("a", "1"), Op::Txn(inner("a"))]);
    assert_eq!((rig.value("b"), rig.value("c")), (None, Some("1".into())));
    rig.txn(vec![delete("a"), Op::Txn(inner("a"))]);
    assert_eq!(rig.value("b"), Some("1".into()));
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
    let UnixMillis(wall) = rig.state.now().wall;
    let is_before = |point| judge(none(), Test::WallBefore(UnixMillis(point)));
    assert!(is_before(wall + 1) && !is_before(wall));
}

#[test]
fn names_are_the_same_though_what_they_stand_for_changes() {
    let mut rig = Rig::new();
    rig.txn(vec![put("a", "1")]);
    rig.txn(vec![put("b", "1")]);
    let read = rig.state.revision();
    let guard = Guard {
        range: span("a", "z"),
        test: Test::SameNames {
            count: 2,
            newest: read,
        },
    };
    rig.txn(vec![put("a", "2"), put("zz", "1")]);
    assert!(rig.state.judge(&guard));
    rig.txn(vec![put("c", "1")]);
    assert!(!rig.state.judge(&guard), "one more");
    rig.txn(vec![delete("b")]);
    assert!(!rig.state.judge(&guard), "as many, but others");
    rig.txn(vec![delete("c")]);
    assert!(!rig.state.judge(&guard), "one less");
    rig.txn(vec![put("b", "1")]);
    assert!(!rig.state.judge(&guard), "it went and came again");
}

#[test]
fn a_step_of_a_turn_is_told_if_its_txn_is_done() {
    let mut rig = Rig::new();
    let step = TurnOp {
        id: TurnId::default(),
        step: TurnStep::End,
    };
    let told = |effects: Effects| {
        let notices = effects.notices.into_iter().map(|(_, notice)| notice);
        notices.collect::<Vec<_>>()
    };
    let txn = |version| Txn {
        guards: vec![Guard {
            range: KeyRange::Key(bytes("a")),
            test: Test::Version(Relation::Equal, version),
        }],
        then: vec![put("a", "1"), Op::Turn(step)],
        ..Txn::default()
    };
    let done = rig.effects(vec![Command::Txn(txn(0))]);
    assert_eq!(told(done), [Notice::Turn(step)]);
    let before = rig.state.revision();
    let failed = rig.effects(vec![Command::Txn(txn(0))]);
    assert_eq!(told(failed), []);
    let alone = rig.effects(vec![step.into()]);
    assert_eq!(told(alone), [Notice::Turn(step)]);
    assert_eq!(rig.state.revision(), before, "it leaves nothing");
}

#[test]
fn a_hash_that_one_txn_makes_and_empties_is_told_as_it_was() {
    let mut rig = Rig::new();
    let fields = std::sync::Arc::new([(bytes("f"), bytes("1"))].into());
    let set = DataOp::HashSet {
        key: bytes("h"),
        fields,
        only_missing: false,
    };
    let clear = DataOp::HashDelete {
        key: bytes("h"),
        fields: vec![bytes("f")],
    };
    let effects = rig.effects(vec![run(vec![Op::Data(set), Op::Data(clear)])]);
    let events = &effects.revisions[0].events;
    let values: Vec<_> = events.iter().map(|event| event.kv.value.size()).collect();
    assert_eq!(values, [2, 0]);
    assert_eq!(events[1].prev.as_ref(), Some(&events[0].kv));
}

#[test]
fn an_op_that_is_refused_takes_all_back() {
    let mut rig = Rig::new();
    rig.txn(vec![put("a", "text")]);
    let add = Op::Data(DataOp::Add {
        key: bytes("a"),
        by: 1,
    });
    let ops = vec![put("b", "1"), add, put("c", "1")];
    assert_eq!(rig.refused(run(ops)), Refusal::NotAnInteger);
    assert_eq!(rig.state.revision(), 2);
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

/// A tool that pages through all keys at one revision once got "compacted" as soon as any key
/// without history was written.
#[test]
fn forgetful_prefixes_are_read_as_they_are_or_not_at_all() {
    let mut rig = Rig::new();
    rig.txn(vec![put("a", "1"), put("redis/0/a", "1")]);
    rig.txn(vec![put("z", "1")]);
    rig.txn(vec![put("redis/0/b", "1"), put("z", "2")]);
    let read = |of: KeyRange, revision| {
        let op = RangeOp {
            revision,
            ..range(of)
        };
        let found = rig.state.range(&op, &rig.rows)?;
        let keys = found.kvs.iter().map(|kv| kv.key.clone());
        let keys: Vec<_> = keys.collect();
        assert_eq!(found.count, keys.len() as u64);
        Ok((keys, found.is_partial))
    };
    let keys = |keys: &[&str]| keys.iter().map(|key| bytes(key)).collect::<Vec<_>>();
    let everything = || KeyRange::From(bytes(""));
    let of_etcd = Ok((keys(&["a", "z"]), true));
    assert_eq!(read(everything(), 3), of_etcd, "what is kept of then");
    let now = Ok((keys(&["a", "redis/0/a", "redis/0/b", "z"]), false));
    assert_eq!(read(everything(), 4), now);
    let of_redis = || KeyRange::prefix(b"redis/");
    assert_eq!(read(of_redis(), 3), Err(Refusal::Compacted));
    assert!(read(of_redis(), 4).is_ok());
    let z = KeyRange::Key(bytes("z"));
    assert_eq!(read(z, 3), Ok((keys(&["z"]), false)));
    rig.txn(vec![put("redis/0/b", "2")]);
    let mut in_a_txn = rig.txn(vec![put("a", "2"), Op::Range(at(4))]).results;
    let Some(OpResult::Range(found)) = in_a_txn.pop() else {
        panic!("a range");
    };
    assert_eq!((found.kvs.len(), found.is_partial), (2, true));
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
fn an_alarm_of_corruption_refuses_every_change() {
    let mut rig = Rig::new();
    rig.txn(vec![put("a", "1")]);
    let grant = |id| {
        let (id, ttl_ms) = (LeaseId(id), 1000);
        Command::Lease(LeaseCommand::Grant { id, ttl_ms })
    };
    assert!(rig.apply(grant(7)).outcome.is_ok());
    let (member, kind) = (3, AlarmKind::Corrupt);
    for kind in [AlarmKind::NoSpace, kind] {
        rig.apply(Command::Alarm(AlarmCommand::Activate { member, kind }));
    }
    for refused in [
        run(vec![put("a", "2")]),
        run(vec![delete("a")]),
        grant(8),
        Command::Lease(LeaseCommand::Revoke(LeaseId(7))),
        Command::Compact(2),
    ] {
        assert_eq!(rig.refused(refused), Refusal::Corrupt);
    }
    let renewed = rig.apply(Command::Lease(LeaseCommand::Renew(vec![LeaseId(7)])));
    assert!(renewed.outcome.is_ok());
    rig.apply(Command::Alarm(AlarmCommand::Deactivate { member, kind }));
    rig.txn(vec![delete("a")]);
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

#[test]
fn the_cache_of_scripts_is_bounded_and_alike_after_a_restart() {
    let mut rig = Rig::new();
    let names: Vec<String> = (0..20_u8)
        .map(|n| format!("{:02x}", n.wrapping_mul(97)))
        .collect();
    for name in &names {
        let (sha1, body) = (bytes(name), vec![b'x'; 1_500_000].into());
        let load = Command::Script(ScriptCommand::Load { sha1, body });
        let effects = rig.state.apply(1, &entry(0, vec![load]), |_| true);
        rig.rows.keep(&rig.state, &effects);
        assert!(rig.state.script(name.as_bytes()).is_some(), "the newest");
    }
    let is_kept = |name: &&String| rig.state.script(name.as_bytes()).is_some();
    let kept = names.iter().filter(is_kept).count();
    assert_eq!(kept, SCRIPTS_BYTES_MAX / 1_500_128);
    let restored = rig.rows.restore();
    for name in &names {
        let name = name.as_bytes();
        assert_eq!(restored.script(name), rig.state.script(name));
    }
    let judged = |rig: &Rig| {
        let sha1 = || bytes(&names[19]);
        [true, false]
            .map(|kept| guard("k", Test::Script { sha1: sha1(), kept }))
            .map(|guard| rig.state.judge(&guard))
    };
    assert_eq!(judged(&rig), [true, false]);
    rig.apply(Command::Script(ScriptCommand::Flush));
    assert!(rig.state.script(names[19].as_bytes()).is_none());
    assert_eq!(judged(&rig), [false, true]);
}

#[test]
fn the_feature_level_only_rises_and_a_program_below_it_does_not_take_the_state() {
    let mut state = State::default();
    assert_eq!(state.feature_level(), FEATURE_LEVEL_MIN);
    let mut raise = |level| {
        let raise = Command::Cluster(ClusterCommand::RaiseFeatureLevel(level));
        assert_eq!(raise.feature_level(), level, "its entry needs it");
        state.apply(1, &entry(0, vec![raise]), |_| true);
        let restored = Builder::default().scalars(state.scalars());
        (
            state.feature_level(),
            restored.map_err(|error| (error.is_of_newer_program(), error.to_string())),
        )
    };
    assert_eq!(raise(FEATURE_LEVEL), (FEATURE_LEVEL, Ok(())));
    let (level, restored) = raise(FEATURE_LEVEL + 1);
    assert_eq!(level, FEATURE_LEVEL + 1);
    let (is_of_newer_program, why) = restored.expect_err("another program wrote it");
    assert!(is_of_newer_program, "{why}");
    assert!(why.contains("run a newer one"), "{why}");
    assert_eq!(raise(FEATURE_LEVEL).0, FEATURE_LEVEL + 1);
}
