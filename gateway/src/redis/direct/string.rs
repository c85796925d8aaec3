//! Plans of the string commands.

use bytes::Bytes;
use quorate_core::command::{DataOp, DeleteOp, Life, Op, PutOp, PutValue, When};
use quorate_core::types::{KeyRange, Value};

use super::{Place, Plan, Rule};
use crate::redis::args::Args;
use crate::redis::commands::string::{Expiry, SetOptions, Unit};
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

fn one(op: DataOp, rule: Rule) -> Plan {
    Plan::of(vec![Op::Data(op)], rule)
}

fn set_if(key: Bytes, value: &Bytes, when: When, want_old: bool) -> DataOp {
    DataOp::Set {
        key,
        value: value.clone(),
        life: Life::Forever,
        when,
        want_old,
    }
}

pub fn set(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let (key, value) = (place.key(args.take_option()?), args.take_option()?);
    let SetOptions {
        condition,
        get,
        life,
    } = SetOptions::parse(&mut args).ok()?;
    if condition == When::Always && !get {
        return Some(Plan::of(vec![put(key, value, life)], Rule::Ok));
    }
    let attempt = match life {
        Life::For(life_ms) if condition == When::Absent => Some(Attempt {
            key: key.clone(),
            value: value.clone(),
            life_ms,
        }),
        _ => None,
    };
    let op = DataOp::Set {
        key,
        value: value.clone(),
        life,
        when: condition,
        want_old: get,
    };
    let rule = if get { Rule::Old } else { Rule::OkOrNull };
    Some(Plan {
        attempt,
        ..one(op, rule)
    })
}

pub fn setnx(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let (key, value) = (place.key(args.take_option()?), args.take_option()?);
    Some(one(set_if(key, value, When::Absent, false), Rule::Flag))
}

pub fn getset(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let (key, value) = (place.key(args.take_option()?), args.take_option()?);
    Some(one(set_if(key, value, When::Always, true), Rule::Old))
}

pub fn getdel(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let key = place.key(args.take_option()?);
    Some(one(DataOp::Take { key }, Rule::Old))
}

/// Without an option it is a read, and with a wrong one the key decides what is told.
pub fn getex(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let key = place.key(args.take_option()?);
    let life = match args.take_keyword()?.as_slice() {
        b"PERSIST" => Life::Forever,
        word => Expiry::parse(word, &mut args, "getex").ok()?.life,
    };
    let op = DataOp::Revive { key, life };
    args.is_empty().then(|| one(op, Rule::Old))
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
    let op = put(key, args.take_option()?, life);
    Some(Plan::of(vec![op], Rule::Ok))
}

pub fn mset(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let (pairs, odd) = args.rest().as_chunks::<2>();
    let op = |[key, value]: &[Bytes; 2]| put(place.key(key), value, Life::Forever);
    odd.is_empty()
        .then(|| Plan::of(pairs.iter().map(op).collect(), Rule::Ok))
}

pub fn msetnx(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let (pairs, odd) = args.rest().as_chunks::<2>();
    let pair = |[key, value]: &[Bytes; 2]| (place.key(key), value.clone());
    let pairs = pairs.iter().map(pair).collect();
    odd.is_empty()
        .then(|| one(DataOp::SetMissing { pairs }, Rule::Number))
}

pub fn add(place: Place<'_>, mut args: Args<'_>, name: &str) -> Option<Plan> {
    let key = place.key(args.take_option()?);
    let by = match name {
        "incr" => 1,
        "decr" => -1,
        "incrby" => args.take_i64().ok()?,
        _ => args.take_i64().ok()?.checked_neg()?,
    };
    Some(one(DataOp::Add { key, by }, Rule::Number))
}

pub fn incrbyfloat(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let (key, by) = (place.key(args.take_option()?), args.take_option()?.clone());
    Some(one(DataOp::AddFloat { key, by }, Rule::Text))
}

pub fn append(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let key = place.key(args.take_option()?);
    let suffix = args.take_option()?.clone();
    Some(one(DataOp::Append { key, suffix }, Rule::Number))
}

pub fn setrange(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let key = place.key(args.take_option()?);
    let offset = u64::try_from(args.take_i64().ok()?).ok()?;
    let part = args.take_option()?.clone();
    Some(one(DataOp::SetRange { key, offset, part }, Rule::Number))
}

/// DELEX key [IFEQ value | IFNE value].
pub fn delex(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let key = place.key(args.take_option()?);
    let Some(option) = args.take_keyword() else {
        let op = Op::Delete(DeleteOp {
            range: KeyRange::Key(key),
            want_prev: false,
        });
        return Some(Plan::of(vec![op], Rule::Deleted));
    };
    let is_equal = match option.as_slice() {
        b"IFEQ" => true,
        b"IFNE" => false,
        _ => return None,
    };
    let value = args.take_option()?.clone();
    let op = DataOp::DeleteIf {
        key,
        value,
        is_equal,
    };
    args.is_empty().then(|| one(op, Rule::Number))
}
