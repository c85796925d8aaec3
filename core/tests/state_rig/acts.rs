//! Random commands over a few keys and leases, so that they meet.

use std::sync::Arc;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use quorate_core::command::{
    Command, DataOp, DeleteOp, Direction, Guard, LeaseCommand, Life, LifeCondition, Op, Order,
    Program, PutOp, PutValue, RangeOp, Relation, SetLifeOp, SortTarget, Test, TurnId, TurnOp,
    TurnStep, Txn, When,
};
use quorate_core::outcome::Cause;
use quorate_core::types::{KeyRange, LeaseId, UnixMillis, Value};

use super::WALL_START;

pub const KEYS: [&str; 6] = ["a", "b", "c", "d", "redis/0/x", "redis/0/y"];

/// Ids at and below this stand for "the derived id that key number n hangs on, if any".
pub const DERIVED_OF_KEY: i64 = -100;

/// Time that passes, then a command; in an entry of its own after a tick, or alone.
#[derive(Clone, Debug)]
pub struct Step {
    pub elapsed: u64,
    pub tick_first: bool,
    pub command: Command,
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let elapsed = prop_oneof![3 => Just(0), 2 => 1..40_u64, 1 => 40..200_u64];
    let step =
        (elapsed, any::<bool>(), command()).prop_map(|(elapsed, tick_first, command)| Step {
            elapsed,
            tick_first,
            command,
        });
    vec(step, 1..80)
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        12 => txn(2).prop_map(Command::Txn),
        8 => program().prop_map(Command::Program),
        2 => (1..5_i64, 1..120_u64)
            .prop_map(|(id, ttl_ms)| LeaseCommand::Grant { id: LeaseId(id), ttl_ms })
            .prop_map(Command::Lease),
        1 => any_lease().prop_map(|id| Command::Lease(LeaseCommand::Revoke(id))),
        1 => vec(any_lease(), 1..4).prop_map(|ids| Command::Lease(LeaseCommand::Renew(ids))),
        1 => (0..40_i64).prop_map(Command::Compact),
        1 => Just(Command::Tick),
    ]
}

fn key() -> impl Strategy<Value = Bytes> {
    select(&KEYS[..]).prop_map(Bytes::from_static_str)
}

trait FromStr {
    fn from_static_str(text: &'static str) -> Bytes;
}

impl FromStr for Bytes {
    fn from_static_str(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }
}

fn any_lease() -> impl Strategy<Value = LeaseId> {
    prop_oneof![
        1..5_i64,
        (0..KEYS.len() as i64).prop_map(|key| DERIVED_OF_KEY - key)
    ]
    .prop_map(LeaseId)
}

fn key_range() -> impl Strategy<Value = KeyRange> {
    prop_oneof![
        4 => key().prop_map(KeyRange::Key),
        2 => (key(), key()).prop_map(|(start, end)| KeyRange::Span(start, end)),
        1 => key().prop_map(KeyRange::From),
    ]
}

fn text() -> impl Strategy<Value = Bytes> {
    select(&["", "1", "7", "x", "-3"][..]).prop_map(Bytes::from_static_str)
}

fn life() -> impl Strategy<Value = Life> {
    prop_oneof![
        4 => Just(Life::Forever),
        2 => any::<bool>().prop_map(|must_exist| Life::Keep { must_exist }),
        3 => (0..100_u64).prop_map(Life::For),
        1 => (0..500_u64).prop_map(|at| Life::Until(UnixMillis(WALL_START + at))),
        3 => (0..5_i64).prop_map(|id| Life::Lease(LeaseId(id))),
    ]
}

fn relation() -> impl Strategy<Value = Relation> {
    use Relation::{Equal, Greater, Less, NotEqual};
    select(vec![Equal, NotEqual, Greater, Less])
}

fn guard() -> impl Strategy<Value = Guard> {
    let test = prop_oneof![
        (relation(), 0..4_i64).prop_map(|(relation, than)| Test::Version(relation, than)),
        (relation(), 0..20_i64).prop_map(|(relation, than)| Test::CreateRevision(relation, than)),
        (relation(), 0..20_i64).prop_map(|(relation, than)| Test::ModRevision(relation, than)),
        (relation(), 0..5_i64).prop_map(|(relation, than)| Test::Lease(relation, LeaseId(than))),
        (relation(), text()).prop_map(|(relation, than)| Test::Value(relation, than)),
        (0..4_u64, 0..20_i64).prop_map(|(count, newest)| Test::Unchanged { count, newest }),
        (0..4_u64, 0..20_i64).prop_map(|(count, newest)| Test::SameNames { count, newest }),
    ];
    (key_range(), test).prop_map(|(range, test)| Guard { range, test })
}

fn range_op() -> impl Strategy<Value = RangeOp> {
    use SortTarget::{Create, Key, Mod, Value, Version};
    let order = (
        select(vec![Key, Key, Version, Create, Mod, Value]),
        select(vec![
            Direction::Natural,
            Direction::Ascending,
            Direction::Descending,
        ]),
    )
        .prop_map(|(target, direction)| Order { target, direction });
    let revision = prop_oneof![3 => Just(0), 2 => 1..30_i64, 1 => -2..0_i64];
    let bounds = || prop_oneof![3 => Just((0, 0)), 1 => (0..10_i64, 0..20_i64)];
    (
        key_range(),
        revision,
        0..4_u64,
        order,
        any::<(bool, bool)>(),
        bounds(),
        bounds(),
    )
        .prop_map(
            |(
                range,
                revision,
                limit,
                order,
                (keys_only, count_only),
                mod_bounds,
                create_bounds,
            )| {
                RangeOp {
                    range,
                    revision,
                    limit,
                    order,
                    keys_only,
                    count_only,
                    mod_bounds,
                    create_bounds,
                }
            },
        )
}

fn put_op() -> impl Strategy<Value = PutOp> {
    let value = prop_oneof![
        5 => text().prop_map(|text| PutValue::Set(Value::Bytes(text))),
        1 => Just(PutValue::Keep),
    ];
    (key(), value, life(), any::<bool>()).prop_map(|(key, value, life, want_prev)| PutOp {
        key,
        value,
        life,
        want_prev,
    })
}

fn set_life_op() -> impl Strategy<Value = SetLifeOp> {
    let condition = (0..8_u8).prop_map(|n| LifeCondition {
        only_without: n == 1,
        only_with: n == 2,
        only_later: n == 3,
        only_earlier: n == 4,
    });
    (key(), life(), condition).prop_map(|(key, life, condition)| SetLifeOp {
        key,
        life,
        condition,
    })
}

fn data_op() -> impl Strategy<Value = DataOp> {
    let field = || select(&["f", "g"][..]).prop_map(Bytes::from_static_str);
    let fields =
        vec((field(), text()), 0..3).prop_map(|fields| Arc::new(fields.into_iter().collect()));
    prop_oneof![
        1 => (key(), -5..5_i64).prop_map(|(key, by)| DataOp::Add { key, by }),
        1 => (key(), text()).prop_map(|(key, suffix)| DataOp::Append { key, suffix }),
        1 => (key(), fields, any::<bool>()).prop_map(|(key, fields, only_missing)| DataOp::HashSet {
            key,
            fields,
            only_missing
        }),
        1 => (key(), vec(field(), 0..3))
            .prop_map(|(key, fields)| DataOp::HashDelete { key, fields }),
        1 => (key(), field(), -5..5_i64)
            .prop_map(|(key, field, by)| DataOp::HashAdd { key, field, by }),
        3 => set_op(),
        1 => vec((key(), text()), 1..3).prop_map(|pairs| DataOp::SetMissing { pairs }),
        1 => key().prop_map(|key| DataOp::Take { key }),
        1 => (key(), life()).prop_map(|(key, life)| DataOp::Revive { key, life }),
        1 => (key(), 0..4_u64, text()).prop_map(|(key, offset, part)| DataOp::SetRange {
            key,
            offset,
            part
        }),
        1 => (key(), text(), any::<bool>()).prop_map(|(key, value, is_equal)| DataOp::DeleteIf {
            key,
            value,
            is_equal
        }),
        1 => (key(), key(), any::<bool>()).prop_map(|(key, to, only_missing)| DataOp::Rename {
            key,
            to,
            only_missing
        }),
    ]
}

fn set_op() -> impl Strategy<Value = DataOp> {
    let when = prop_oneof![
        Just(When::Always),
        Just(When::Absent),
        Just(When::Present),
        text().prop_map(When::Equal),
        text().prop_map(When::NotEqual),
    ];
    (key(), text(), life(), when, any::<bool>()).prop_map(|(key, value, life, when, want_old)| {
        DataOp::Set {
            key,
            value,
            life,
            when,
            want_old,
        }
    })
}

/// Ops as txns have them, but for nested ones; ranges at the newest revision.
fn program() -> impl Strategy<Value = Program> {
    let op = op(0).prop_map(|op| match op {
        Op::Range(range) => Op::Range(RangeOp {
            revision: 0,
            ..range
        }),
        op => op,
    });
    (vec(guard(), 0..2), vec(op, 0..6)).prop_map(|(guards, ops)| Program { guards, ops })
}

/// Ops of one program that write.
pub fn tried_ops() -> impl Strategy<Value = Vec<Op>> {
    let writes = |op: &Op| !matches!(op, Op::Range(_));
    vec(op(0).prop_filter("it only reads", writes), 1..12)
}

fn op(depth: u32) -> BoxedStrategy<Op> {
    let flat = prop_oneof![
        3 => range_op().prop_map(Op::Range),
        6 => put_op().prop_map(Op::Put),
        2 => (key_range(), any::<bool>())
            .prop_map(|(range, want_prev)| Op::Delete(DeleteOp { range, want_prev })),
        2 => set_life_op().prop_map(Op::SetLife),
        2 => data_op().prop_map(Op::Data),
        1 => key().prop_map(|channel| Op::Publish { channel, payload: Bytes::new() }),
        1 => select(vec![Cause::RenameFrom, Cause::Flush]).prop_map(Op::Because),
        1 => select(vec![TurnStep::Ask, TurnStep::End])
            .prop_map(|step| Op::Turn(TurnOp { id: TurnId::default(), step })),
    ];
    match depth {
        0 => flat.boxed(),
        _ => prop_oneof![8 => flat, 2 => txn(depth - 1).prop_map(Op::Txn)].boxed(),
    }
}

fn txn(depth: u32) -> BoxedStrategy<Txn> {
    (
        vec(guard(), 0..2),
        vec(op(depth), 0..4),
        vec(op(depth), 0..3),
    )
        .prop_map(|(guards, then, otherwise)| Txn {
            guards,
            then,
            otherwise,
        })
        .boxed()
}
