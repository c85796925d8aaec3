//! Arbitrary values of everything that has an encoding.

use std::sync::Arc;

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use quorate_core::command::*;
use quorate_core::limits::FEATURE_LEVEL;
use quorate_core::outcome::*;
use quorate_core::types::*;

pub fn bytes() -> impl Strategy<Value = Bytes> {
    prop_oneof![8 => vec(any::<u8>(), 0..12), 1 => vec(any::<u8>(), 120..300)].prop_map(Bytes::from)
}

fn text() -> impl Strategy<Value = Arc<str>> {
    "[a-zé/:0-9]{0,9}".prop_map(Arc::from)
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0i64..300, 1 => any::<i64>(), 1 => Just(-1)]
}

fn hash() -> impl Strategy<Value = Arc<Hash>> {
    btree_map(bytes(), bytes(), 0..4).prop_map(|fields| Arc::new(fields.into_iter().collect()))
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![3 => bytes().prop_map(Value::Bytes), 1 => hash().prop_map(Value::Hash)]
}

fn range() -> impl Strategy<Value = KeyRange> {
    prop_oneof![
        bytes().prop_map(KeyRange::Key),
        (bytes(), bytes()).prop_map(|(start, end)| KeyRange::Span(start, end)),
        bytes().prop_map(KeyRange::From),
    ]
}

fn deadline() -> impl Strategy<Value = Deadline> {
    prop_oneof![
        any::<u64>().prop_map(|end| Deadline::Clock(ClusterMillis(end))),
        any::<u64>().prop_map(|end| Deadline::Wall(UnixMillis(end))),
    ]
}

pub fn key_value() -> impl Strategy<Value = KeyValue> {
    let life = (
        number().prop_map(LeaseId),
        option::of(deadline()),
        any::<(u64, u64)>(),
    );
    (
        bytes(),
        value(),
        number(),
        (number(), any::<u32>()),
        number(),
        life,
    )
        .prop_map(
            |(key, value, create_revision, (main, sub), version, (lease, deadline, own))| {
                KeyValue {
                    key,
                    value,
                    create_revision,
                    modified: Version { main, sub },
                    version,
                    lease,
                    deadline,
                    ttl_ms: own.0,
                    life_generation: own.1,
                }
            },
        )
}

fn relation() -> impl Strategy<Value = Relation> {
    prop::sample::select(vec![
        Relation::Equal,
        Relation::NotEqual,
        Relation::Greater,
        Relation::Less,
    ])
}

fn guard() -> impl Strategy<Value = Guard> {
    let test = prop_oneof![
        (relation(), number()).prop_map(|(r, n)| Test::Version(r, n)),
        (relation(), number()).prop_map(|(r, n)| Test::CreateRevision(r, n)),
        (relation(), number()).prop_map(|(r, n)| Test::ModRevision(r, n)),
        (relation(), number()).prop_map(|(r, n)| Test::Lease(r, LeaseId(n))),
        (relation(), bytes()).prop_map(|(r, b)| Test::Value(r, b)),
        any::<u64>().prop_map(Test::LifeGeneration),
        (any::<u64>(), number()).prop_map(|(count, newest)| Test::Unchanged { count, newest }),
        any::<u64>().prop_map(Test::LivesUnchanged),
        (any::<u64>(), number()).prop_map(|(count, newest)| Test::SameNames { count, newest }),
        any::<u64>().prop_map(|n| Test::WallBefore(UnixMillis(n))),
        (bytes(), any::<bool>()).prop_map(|(sha1, kept)| Test::Script { sha1, kept }),
    ];
    (range(), test).prop_map(|(range, test)| Guard { range, test })
}

fn life() -> impl Strategy<Value = Life> {
    prop_oneof![
        Just(Life::Forever),
        any::<bool>().prop_map(|must_exist| Life::Keep { must_exist }),
        any::<u64>().prop_map(Life::For),
        any::<u64>().prop_map(|n| Life::Until(UnixMillis(n))),
        number().prop_map(|n| Life::Lease(LeaseId(n))),
    ]
}

fn range_op() -> impl Strategy<Value = RangeOp> {
    let target = prop::sample::select(vec![
        SortTarget::Key,
        SortTarget::Version,
        SortTarget::Create,
        SortTarget::Mod,
        SortTarget::Value,
    ]);
    let direction = prop::sample::select(vec![
        Direction::Natural,
        Direction::Ascending,
        Direction::Descending,
    ]);
    let bounds = ((number(), number()), (number(), number()));
    (
        range(),
        number(),
        any::<u64>(),
        (target, direction),
        any::<(bool, bool)>(),
        bounds,
    )
        .prop_map(
            |(range, revision, limit, (target, direction), (keys_only, count_only), bounds)| {
                RangeOp {
                    range,
                    revision,
                    limit,
                    order: Order { target, direction },
                    keys_only,
                    count_only,
                    mod_bounds: bounds.0,
                    create_bounds: bounds.1,
                }
            },
        )
}

fn data_op() -> impl Strategy<Value = DataOp> {
    prop_oneof![
        (bytes(), number()).prop_map(|(key, by)| DataOp::Add { key, by }),
        (bytes(), bytes()).prop_map(|(key, suffix)| DataOp::Append { key, suffix }),
        (bytes(), hash(), any::<bool>()).prop_map(|(key, fields, only_missing)| DataOp::HashSet {
            key,
            fields,
            only_missing
        }),
        (bytes(), vec(bytes(), 0..3)).prop_map(|(key, fields)| DataOp::HashDelete { key, fields }),
        (bytes(), bytes(), number()).prop_map(|(key, field, by)| DataOp::HashAdd {
            key,
            field,
            by
        }),
        set_op(),
        vec((bytes(), bytes()), 0..3).prop_map(|pairs| DataOp::SetMissing { pairs }),
        bytes().prop_map(|key| DataOp::Take { key }),
        (bytes(), life()).prop_map(|(key, life)| DataOp::Revive { key, life }),
        (bytes(), any::<u64>(), bytes()).prop_map(|(key, offset, part)| DataOp::SetRange {
            key,
            offset,
            part
        }),
        (bytes(), bytes()).prop_map(|(key, by)| DataOp::AddFloat { key, by }),
        (bytes(), bytes(), bytes()).prop_map(|(key, field, by)| DataOp::HashAddFloat {
            key,
            field,
            by
        }),
        (bytes(), bytes(), any::<bool>()).prop_map(|(key, value, is_equal)| DataOp::DeleteIf {
            key,
            value,
            is_equal
        }),
        (bytes(), bytes(), any::<bool>()).prop_map(|(key, to, only_missing)| DataOp::Rename {
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
        bytes().prop_map(When::Equal),
        bytes().prop_map(When::NotEqual),
    ];
    let parts = (bytes(), bytes(), life(), when, any::<bool>());
    parts.prop_map(|(key, value, life, when, want_old)| DataOp::Set {
        key,
        value,
        life,
        when,
        want_old,
    })
}

fn put_op() -> impl Strategy<Value = PutOp> {
    let value = prop_oneof![value().prop_map(PutValue::Set), Just(PutValue::Keep)];
    (bytes(), value, life(), any::<bool>()).prop_map(|(key, value, life, want_prev)| PutOp {
        key,
        value,
        life,
        want_prev,
    })
}

fn set_life_op() -> impl Strategy<Value = SetLifeOp> {
    (bytes(), life(), any::<[bool; 4]>()).prop_map(|(key, life, flags)| {
        let [only_without, only_with, only_later, only_earlier] = flags;
        let condition = LifeCondition {
            only_without,
            only_with,
            only_later,
            only_earlier,
        };
        SetLifeOp {
            key,
            life,
            condition,
        }
    })
}

fn op_leaf() -> impl Strategy<Value = Op> {
    prop_oneof![
        range_op().prop_map(Op::Range),
        put_op().prop_map(Op::Put),
        (range(), any::<bool>())
            .prop_map(|(range, want_prev)| Op::Delete(DeleteOp { range, want_prev })),
        set_life_op().prop_map(Op::SetLife),
        data_op().prop_map(Op::Data),
        (bytes(), bytes()).prop_map(|(channel, payload)| Op::Publish { channel, payload }),
        Just(Op::Because(Cause::SetRange)),
        turn_op().prop_map(Op::Turn),
    ]
}

fn turn_op() -> impl Strategy<Value = TurnOp> {
    let step = select(vec![TurnStep::Ask, TurnStep::GoOn, TurnStep::End]);
    let id = (any::<u64>(), any::<u64>(), any::<u64>());
    (id, step).prop_map(|((member, start, number), step)| {
        let id = TurnId {
            member,
            start,
            number,
        };
        TurnOp { id, step }
    })
}

fn txn_of<S: Strategy<Value = Op> + Clone>(op: S) -> impl Strategy<Value = Txn> {
    (vec(guard(), 0..3), vec(op.clone(), 0..4), vec(op, 0..3)).prop_map(
        |(guards, then, otherwise)| Txn {
            guards,
            then,
            otherwise,
        },
    )
}

pub fn program() -> impl Strategy<Value = Program> {
    let guards = vec(guard(), 0..3);
    (guards, vec(op_leaf(), 0..4)).prop_map(|(guards, ops)| Program { guards, ops })
}

fn txn() -> impl Strategy<Value = Txn> {
    txn_of(
        op_leaf()
            .prop_recursive(3, 12, 4, |inner| txn_of(inner).prop_map(Op::Txn))
            .boxed(),
    )
}

fn alarm_kind() -> impl Strategy<Value = AlarmKind> {
    prop::sample::select(vec![AlarmKind::NoSpace, AlarmKind::Corrupt])
}

fn command() -> impl Strategy<Value = Command> {
    let lease = prop_oneof![
        (number(), any::<u64>()).prop_map(|(id, ttl_ms)| LeaseCommand::Grant {
            id: LeaseId(id),
            ttl_ms
        }),
        number().prop_map(|id| LeaseCommand::Revoke(LeaseId(id))),
        vec(number().prop_map(LeaseId), 0..5).prop_map(LeaseCommand::Renew),
    ];
    let alarm = (any::<u64>(), alarm_kind(), any::<bool>()).prop_map(|(member, kind, on)| {
        if on {
            AlarmCommand::Activate { member, kind }
        } else {
            AlarmCommand::Deactivate { member, kind }
        }
    });
    let levels = any::<(u64, u32)>();
    let publish = (any::<u64>(), text(), vec(text(), 0..3), levels).prop_map(
        |(member, name, client_urls, (incarnation, feature_level))| ClusterCommand::Publish {
            member,
            name,
            client_urls,
            incarnation,
            feature_level,
        },
    );
    let raise = any::<u32>().prop_map(ClusterCommand::RaiseFeatureLevel);
    let found = (text(), vec(bytes(), 0..3)).prop_map(|(key_prefix, forgetful)| {
        ClusterCommand::Found(Settings {
            key_prefix,
            forgetful,
        })
    });
    let cluster = prop_oneof![publish, raise, found];
    let script = prop_oneof![
        (bytes(), bytes()).prop_map(|(sha1, body)| ScriptCommand::Load { sha1, body }),
        Just(ScriptCommand::Flush),
    ];
    prop_oneof![
        4 => txn().prop_map(Command::Txn),
        2 => program().prop_map(Command::Program),
        1 => lease.prop_map(Command::Lease),
        1 => number().prop_map(Command::Compact),
        1 => alarm.prop_map(Command::Alarm),
        1 => cluster.prop_map(Command::Cluster),
        1 => script.prop_map(Command::Script),
        1 => Just(Command::Tick),
    ]
}

pub fn proposal() -> impl Strategy<Value = Proposal> {
    (option::of(text()), any::<u64>(), command()).prop_map(|(user, auth_revision, command)| {
        Proposal {
            principal: Principal {
                user,
                auth_revision,
            },
            command,
        }
    })
}

pub fn entry() -> impl Strategy<Value = Entry> {
    let header = (any::<[u64; 6]>(), 0..=FEATURE_LEVEL).prop_map(|(numbers, feature_level)| {
        let [cluster, member, incarnation, term, clock, wall] = numbers;
        let stamp = Stamp {
            term,
            clock: ClusterMillis(clock),
            wall: UnixMillis(wall),
        };
        EntryHeader {
            cluster,
            member,
            incarnation,
            feature_level,
            stamp,
        }
    });
    (header, batches()).prop_map(|(header, batches)| Entry { header, batches })
}

pub fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let numbers = (any::<[u64; 2]>(), 0u64..300, 1u64..300);
    let origin = numbers.prop_map(|([member, start], after, more)| Origin {
        member,
        start,
        after,
        first: after + more,
    });
    let batch = (origin, vec(proposal(), 0..4));
    vec(
        batch.prop_map(|(origin, proposals)| Batch { origin, proposals }),
        0..3,
    )
}

fn shared_kv() -> impl Strategy<Value = Arc<KeyValue>> {
    key_value().prop_map(Arc::new)
}

pub fn events() -> impl Strategy<Value = RevisionEvents> {
    let cause = prop::sample::select(vec![
        Cause::Put,
        Cause::Delete,
        Cause::Expired,
        Cause::Add,
        Cause::Append,
        Cause::HashSet,
        Cause::HashDelete,
        Cause::HashAdd,
        Cause::PutWithLife,
        Cause::AddFloat,
        Cause::SetRange,
        Cause::HashAddFloat,
        Cause::RenameFrom,
        Cause::RenameTo,
        Cause::Flush,
    ]);
    let event = (shared_kv(), option::of(shared_kv()), cause).prop_map(|(kv, prev, cause)| Event {
        kv,
        prev,
        cause,
    });
    (number(), vec(event, 0..4))
        .prop_map(|(revision, events)| RevisionEvents::new(revision, events))
}
