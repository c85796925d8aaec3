//! What a small request can make: nothing that is out of proportion. Examples of what once took
//! gigabytes, and random txns that try.

mod state_rig;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use quorate_core::command::{Command, DataOp, DeleteOp, Guard, Op, Program, Relation, Test, Txn};
use quorate_core::limits::{
    ENTRY_MADE_BYTES_MAX, REQUEST_BYTES_MAX, TXN_MADE_BYTES_MAX, TXN_OPS_MAX,
    TXN_PREVIOUS_BYTES_MAX, TXN_READ_BYTES_MAX, TXN_VISITED_KEYS_MAX,
};
use quorate_core::outcome::{Cause, Effects, OpResult, Outcome, Refusal};
use quorate_core::types::{KeyRange, Value};
use state_rig::rig::Rig;
use state_rig::{bytes, delete, put, range, run, txn};

fn append(key: &str) -> Op {
    Op::Data(DataOp::Append {
        key: bytes(key),
        suffix: bytes("y"),
    })
}

fn add_to_field(key: &str, field: &str) -> Op {
    Op::Data(DataOp::HashAdd {
        key: bytes(key),
        field: bytes(field),
        by: 1,
    })
}

fn large() -> String {
    "x".repeat(REQUEST_BYTES_MAX - 100_000)
}

fn all() -> KeyRange {
    KeyRange::From(bytes(""))
}

/// Bytes that the events of an entry hold, each record counted once.
fn held(effects: &Effects) -> usize {
    let events = effects
        .revisions
        .iter()
        .flat_map(|revision| &revision.events);
    let records = events.flat_map(|event| [Some(&event.kv), event.prev.as_ref()]);
    let mut seen = BTreeSet::new();
    let new = records
        .flatten()
        .filter(|record| seen.insert(Arc::as_ptr(record)));
    new.map(|record| record.key.len() + record.value.size())
        .sum()
}

/// Each of these kept a copy of the whole value, on every member, and again at each restart.
#[test]
fn many_small_changes_of_a_large_value_are_one() {
    let mut rig = Rig::new();
    let value = large();
    rig.txn(vec![put("redis/0/k", &value)]);
    let ops: Vec<Op> = (0..5_000).map(|_| append("redis/0/k")).collect();
    let mut effects = rig.effects(vec![run(ops)]);
    assert!(held(&effects) < 3 * REQUEST_BYTES_MAX);
    let [revision] = &effects.revisions[..] else {
        panic!("one revision");
    };
    assert_eq!((revision.events.len(), revision.steps.len()), (1, 5_000));
    assert_eq!(revision.events[0].kv.version, 2);
    let Ok(Outcome::Txn(outcome)) = effects.applied.remove(0).outcome else {
        panic!("applied");
    };
    let length = value.len() as i64 + 5_000;
    let last = OpResult::Data(quorate_core::outcome::DataResult::Integer(length));
    assert_eq!(outcome.results.last(), Some(&last));
}

#[test]
fn a_field_of_a_large_hash_changes_without_a_copy_of_the_hash() {
    let mut rig = Rig::new();
    let field = |number: usize| format!("field:{number:08}");
    let fields = (0..40_000).map(|number| (bytes(&field(number)), bytes("1")));
    let load = DataOp::HashSet {
        key: bytes("redis/0/h"),
        fields: Arc::new(fields.collect()),
        only_missing: false,
    };
    rig.txn(vec![Op::Data(load)]);
    // As many as an entry may hold, each a revision of its own: a copy each were gigabytes.
    let adds = (0..1_000).map(|number| run(vec![add_to_field("redis/0/h", &field(number))]));
    let effects = rig.effects(adds.collect());
    assert!(
        effects
            .applied
            .iter()
            .all(|applied| applied.outcome.is_ok())
    );
    let ops = (0..20_000).map(|number| add_to_field("redis/0/h", &field(number)));
    let effects = rig.effects(vec![run(ops.collect())]);
    assert!(effects.applied[0].outcome.is_ok());
    assert_eq!(effects.revisions[0].events.len(), 1);
}

/// Each read counted as the whole hash, though nothing of it is copied.
#[test]
fn a_program_reads_a_large_hash_as_often_as_it_changes_it() {
    let mut rig = Rig::new();
    let field = |number: usize| bytes(&format!("field:{number}"));
    let fields = (0..1_000).map(|number| (field(number), bytes(&"x".repeat(64))));
    let load = DataOp::HashSet {
        key: bytes("redis/0/h"),
        fields: Arc::new(fields.collect()),
        only_missing: false,
    };
    rig.txn(vec![Op::Data(load)]);
    let pair = |number: usize| {
        let read = Op::Range(range(KeyRange::Key(bytes("redis/0/h"))));
        [add_to_field("redis/0/h", &format!("n{number}")), read]
    };
    let program = Program {
        guards: Vec::new(),
        ops: (0..3_000).flat_map(pair).collect(),
    };
    let effects = rig.effects(vec![Command::Program(program)]);
    let Ok(Outcome::Program(outcome)) = &effects.applied[0].outcome else {
        panic!("{:?}", effects.applied[0].outcome);
    };
    let fails = |result: &OpResult| matches!(result, OpResult::Failed(_));
    assert!(!outcome.results.iter().any(fails));
}

#[test]
fn values_that_are_made_anew_have_a_bound() {
    let mut rig = Rig::new();
    let key = |number: usize| format!("redis/0/{number:03}");
    let keys = 2 * TXN_MADE_BYTES_MAX / REQUEST_BYTES_MAX;
    (0..keys).for_each(|number| drop(rig.txn(vec![put(&key(number), &large())])));
    let appends = |keys: usize| (0..keys).map(|number| append(&key(number))).collect();
    assert_eq!(rig.refused(run(appends(keys))), Refusal::TooMuch);
    rig.txn(appends(keys / 3));
    let keep = |number: usize| {
        Op::Put(quorate_core::command::PutOp {
            key: bytes(&key(number)),
            value: quorate_core::command::PutValue::Keep,
            life: quorate_core::command::Life::Forever,
            want_prev: false,
        })
    };
    let kept = run((0..keys).map(keep).collect());
    assert_eq!(
        rig.refused(kept),
        Refusal::TooMuch,
        "their rows are written"
    );
}

#[test]
fn the_txns_of_an_entry_have_a_bound_together_and_small_ones_always_find_room() {
    let mut rig = Rig::new();
    rig.txn(vec![put("redis/0/k", &large())]);
    let appends = (0..200).map(|_| run(vec![append("redis/0/k")]));
    let small = [run(vec![put("redis/0/small", "1")])];
    let effects = rig.effects(appends.chain(small).collect());
    let mut outcomes = effects
        .applied
        .iter()
        .map(|applied| applied.outcome.as_ref().err());
    assert_eq!(outcomes.next_back(), Some(None), "a small one");
    let refused: Vec<_> = outcomes.flatten().collect();
    assert!(
        refused
            .iter()
            .all(|refusal| **refusal == Refusal::Overloaded)
    );
    let taken = 200 - refused.len();
    assert!(
        taken * large().len() <= ENTRY_MADE_BYTES_MAX && taken > 50,
        "{taken}"
    );
}

#[test]
fn what_was_replaced_has_a_bound_in_the_answer() {
    let mut rig = Rig::new();
    let key = |number: usize| format!("etcd/{number:03}");
    let keys = TXN_PREVIOUS_BYTES_MAX / REQUEST_BYTES_MAX + 4;
    (0..keys).for_each(|number| drop(rig.txn(vec![put(&key(number), &large())])));
    let delete = |want_prev| {
        Op::Delete(DeleteOp {
            range: KeyRange::prefix(b"etcd/"),
            want_prev,
        })
    };
    assert_eq!(rig.refused(run(vec![delete(true)])), Refusal::TooMuch);
    let nested = Op::Txn(txn(vec![delete(true)]));
    assert_eq!(rig.refused(run(vec![nested])), Refusal::TooMuch);
    let puts = (0..keys).map(|number| put(&key(number), "1")).collect();
    assert_eq!(rig.refused(run(puts)), Refusal::TooMuch);
    rig.txn(vec![delete(false)]);
    assert_eq!(rig.state.count(&all()), 0);
}

#[test]
fn looking_at_every_key_again_and_again_is_refused() {
    let mut rig = Rig::new();
    let keys = 10_000;
    let puts = (0..keys).map(|number| put(&format!("k{number}"), ""));
    rig.txn(puts.collect());
    let times = usize::try_from(TXN_VISITED_KEYS_MAX).expect("small") / keys + 2;
    let sorted = || {
        let mut op = range(all());
        op.limit = 1;
        op.order.direction = quorate_core::command::Direction::Descending;
        Op::Range(op)
    };
    let again = |op: &dyn Fn() -> Op| run((0..times).map(|_| op()).collect());
    let sorting = again(&sorted);
    // A txn that only reads is not proposed; it asks before it looks.
    let Command::Txn(reads) = &sorting else {
        unreachable!("it is a txn")
    };
    assert_eq!(rig.state.may_read(reads), Err(Refusal::TooMuch));
    assert_eq!(rig.refused(sorting), Refusal::TooMuch);
    let guards = Txn {
        guards: vec![
            Guard {
                range: all(),
                test: Test::ModRevision(Relation::Greater, 0),
            };
            times
        ],
        ..Txn::default()
    };
    assert_eq!(rig.refused(Command::Txn(guards)), Refusal::TooMuch);
    // What looks at few, or is counted without looking, may come often.
    let first = || {
        let mut op = range(all());
        op.limit = 1;
        Op::Range(op)
    };
    let count = || {
        let mut op = range(all());
        op.count_only = true;
        Op::Range(op)
    };
    let few = Txn {
        then: (0..times).flat_map(|_| [first(), count()]).collect(),
        ..Txn::default()
    };
    assert_eq!(rig.state.may_read(&few), Ok(()));
    rig.txn(
        (0..times)
            .flat_map(|_| [first(), put("k0", "1"), count()])
            .collect(),
    );
}

#[test]
fn an_mset_as_large_as_a_request_is_one_txn() {
    let mut rig = Rig::new();
    let puts = (0..TXN_OPS_MAX).map(|number| {
        Op::Put(quorate_core::command::PutOp {
            key: bytes(&format!("redis/0/{number}")),
            value: quorate_core::command::PutValue::Set(Value::Bytes(Bytes::from_static(b"v"))),
            life: quorate_core::command::Life::Forever,
            want_prev: false,
        })
    });
    let effects = rig
        .state
        .apply(1, &state_rig::entry(0, vec![run(puts.collect())]), |_| true);
    assert!(effects.applied[0].outcome.is_ok());
    assert_eq!(rig.state.count(&all()), TXN_OPS_MAX as u64);
}

#[test]
fn writes_of_a_key_are_one_and_every_step_is_told() {
    let mut rig = Rig::new();
    rig.txn(vec![put("redis/0/a", "1")]);
    let ops = vec![
        append("redis/0/a"),
        append("redis/0/a"),
        delete("redis/0/a"),
        put("redis/0/b", "1"),
        put("redis/0/a", "2"),
        put("redis/0/gone", "1"),
        delete("redis/0/gone"),
    ];
    let effects = rig.effects(vec![run(ops)]);
    let revision = &effects.revisions[0];
    let told = revision.events.iter().map(|event| {
        let key = String::from_utf8_lossy(&event.kv.key).into_owned();
        (key, event.kv.version, event.prev.is_some())
    });
    let (a, b, gone) = ("redis/0/a", "redis/0/b", "redis/0/gone");
    let wanted = [
        (a, 2, true),
        (a, 0, true),
        (b, 1, false),
        (a, 1, false),
        (gone, 1, false),
        (gone, 0, true),
    ];
    assert!(told.eq(wanted.map(|(key, version, prev)| (key.to_owned(), version, prev))));
    let steps: Vec<_> = revision
        .steps
        .iter()
        .map(|step| (step.cause, step.is_new))
        .collect();
    use Cause::{Append, Delete, Put};
    let wanted = [
        (Append, false),
        (Append, false),
        (Delete, false),
        (Put, true),
        (Put, true),
        (Put, true),
        (Delete, false),
    ];
    assert_eq!(steps, wanted);
}

/// Ops that try to make much of little, on few keys that hold much.
fn greedy() -> impl Strategy<Value = Op> {
    let keys = [
        "redis/0/a",
        "redis/0/b",
        "redis/0/h",
        "etcd/a",
        "etcd/b",
        "etcd/new",
    ];
    let key = move || select(keys.to_vec());
    let wide = || {
        select(vec![
            all(),
            KeyRange::prefix(b"etcd/"),
            KeyRange::prefix(b"redis/"),
        ])
    };
    let field = |field: usize| add_to_field("redis/0/h", &format!("field:{field:08}"));
    prop_oneof![
        6 => key().prop_map(append),
        4 => (0..200_usize).prop_map(field),
        2 => key().prop_map(|key| put(key, "short")),
        2 => key().prop_map(|key| Op::Put(quorate_core::command::PutOp {
            key: bytes(key),
            value: quorate_core::command::PutValue::Keep,
            life: quorate_core::command::Life::Keep { must_exist: false },
            want_prev: true,
        })),
        2 => wide().prop_map(|wide| Op::Range(range(wide))),
        1 => (wide(), any::<bool>())
            .prop_map(|(range, want_prev)| Op::Delete(DeleteOp { range, want_prev })),
        1 => key().prop_map(delete),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn whatever_a_txn_tries_what_comes_of_it_is_bounded(
        ops in vec(greedy(), 1..12),
        times in 1..300_usize,
    ) {
        let mut rig = Rig::new();
        for key in ["redis/0/a", "redis/0/b", "etcd/a", "etcd/b"] {
            rig.txn(vec![put(key, &large())]);
        }
        rig.txn(vec![add_to_field("redis/0/h", "field")]);
        let inner: Vec<Op> = ops.iter().cloned().cycle().take(ops.len() * times).collect();
        let before = rig.state.digest();
        let revision = rig.state.revision();
        let effects = rig.effects(vec![run(vec![Op::Txn(txn(inner))])]);
        let made: usize = held(&effects);
        let keys = 7;
        prop_assert!(made <= 2 * keys * REQUEST_BYTES_MAX, "{made}");
        match &effects.applied[0].outcome {
            Ok(Outcome::Txn(outcome)) => {
                let (read, previous) = answered(&outcome.results);
                prop_assert!(read <= TXN_READ_BYTES_MAX + REQUEST_BYTES_MAX);
                prop_assert!(previous <= TXN_PREVIOUS_BYTES_MAX + REQUEST_BYTES_MAX);
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => {
                prop_assert_eq!(rig.state.revision(), revision);
                prop_assert!(made == 0 || before == rig.state.digest());
            }
        }
    }
}

/// Bytes that results return as read, and as replaced.
fn answered(results: &[OpResult]) -> (usize, usize) {
    let size = |kv: &Arc<quorate_core::types::KeyValue>| kv.key.len() + kv.value.size();
    let sums = results.iter().map(|result| match result {
        OpResult::Range(range) => (range.kvs.iter().map(size).sum(), 0),
        OpResult::Put { prev, .. } => (0, prev.iter().map(size).sum()),
        OpResult::Delete { prev, .. } => (0, prev.iter().map(size).sum()),
        OpResult::Txn(inner) => answered(&inner.results),
        _ => (0, 0),
    });
    sums.fold((0, 0), |(read, previous), (more, replaced)| {
        (read + more, previous + replaced)
    })
}
