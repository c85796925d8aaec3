//! Plans of the string commands.

use bytes::Bytes;
use quorate_core::command::{DataOp, DeleteOp, Guard, Life, Op, PutOp, PutValue, Relation, Test};
use quorate_core::types::{KeyRange, Value};

use super::{Place, Plan, Rule};
use crate::redis::args::Args;
use crate::redis::commands::string::{Condition, Expiry, SetOptions, Unit};
use crate::redis::guard_rail::Attempt;

fn put(key: Bytes, value: &Bytes, life: Life) -> Op {
    let value = PutValue::Set(Value::Bytes(value.clone()));
    Op::Put(PutOp {
        key,
        value,
        life,
        want_prev: false,
    })
}

/// The key exists, or not.
fn exists(key: &Bytes, wanted: bool) -> Vec<Guard> {
    let relation = if wanted {
        Relation::Greater
    } else {
        Relation::Equal
    };
    let test = Test::CreateRevision(relation, 0);
    vec![Guard {
        range: KeyRange::Key(key.clone()),
        test,
    }]
}

pub fn set(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let (key, value) = (place.key(args.take_option()?), args.take_option()?);
    let options = SetOptions::parse(&mut args)
        .ok()
        .filter(|options| !options.get)?;
    let op = put(key.clone(), value, options.life);
    match options.condition {
        Condition::Always => Some(Plan::always(vec![op], Rule::Ok)),
        Condition::Absent if let Life::For(life_ms) = options.life => {
            let free = exists(&key, false);
            let attempt = Attempt {
                key,
                value: value.clone(),
                life_ms,
            };
            Some(Plan::lock(free, op, attempt))
        }
        Condition::Absent | Condition::Present => {
            let wanted = options.condition == Condition::Present;
            Some(Plan::guarded(
                exists(&key, wanted),
                vec![op],
                Vec::new(),
                Rule::OkOrNull,
            ))
        }
        Condition::Equal(expected) => Some(Plan::if_equal(key, expected, op, Rule::StringOkOrNull)),
        Condition::NotEqual(_) => None,
    }
}

pub fn setnx(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let (key, value) = (place.key(args.take_option()?), args.take_option()?);
    let op = put(key.clone(), value, Life::Forever);
    Some(Plan::guarded(
        exists(&key, false),
        vec![op],
        Vec::new(),
        Rule::Flag,
    ))
}

pub fn setex(place: Place<'_>, mut args: Args<'_>, name: &str) -> Option<Plan> {
    let key = place.key(args.take_option()?);
    let number = args.take_i64().ok()?;
    let unit = if name == "setex" {
        Unit::Seconds
    } else {
        Unit::Millis
    };
    let life = Expiry::positive(number, unit, false, name).ok()?.life;
    Some(Plan::always(
        vec![put(key, args.take_option()?, life)],
        Rule::Ok,
    ))
}

pub fn mset(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let (pairs, odd) = args.rest().as_chunks::<2>();
    let op = |[key, value]: &[Bytes; 2]| put(place.key(key), value, Life::Forever);
    odd.is_empty()
        .then(|| Plan::always(pairs.iter().map(op).collect(), Rule::Ok))
}

pub fn add(place: Place<'_>, mut args: Args<'_>, name: &str) -> Option<Plan> {
    let key = place.key(args.take_option()?);
    let by = match name {
        "incr" => 1,
        "decr" => -1,
        "incrby" => args.take_i64().ok()?,
        _ => args.take_i64().ok()?.checked_neg()?,
    };
    Some(Plan::always(
        vec![Op::Data(DataOp::Add { key, by })],
        Rule::Number,
    ))
}

/// DELEX key IFEQ value, or without a condition.
pub fn delex(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let key = place.key(args.take_option()?);
    let op = Op::Delete(DeleteOp {
        range: KeyRange::Key(key.clone()),
        want_prev: false,
    });
    let Some(option) = args.take_keyword() else {
        return Some(Plan::always(vec![op], Rule::Deleted));
    };
    let value = args.take_option()?;
    let equal = option == b"IFEQ" && args.is_empty();
    equal.then(|| Plan::if_equal(key, value.clone(), op, Rule::StringFlag))
}
