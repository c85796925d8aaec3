//! Plans of the commands on keys of any type.

use bytes::Bytes;
use quorate_core::command::{DataOp, DeleteOp, Life, LifeCondition, Op, SetLifeOp};
use quorate_core::limits::TXN_OPS_MAX;
use quorate_core::types::KeyRange;

use super::{Place, Plan, Rule};
use crate::redis::args::Args;
use crate::redis::commands::key::{parse_condition, parse_life};
use crate::redis::commands::string::Unit;

pub fn del(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let op = |key: &Bytes| {
        Op::Delete(DeleteOp {
            range: KeyRange::Key(place.key(key)),
            want_prev: false,
        })
    };
    let keys = args.rest();
    (keys.len() <= TXN_OPS_MAX).then(|| Plan::of(keys.iter().map(op).collect(), Rule::Deleted))
}

pub fn expire(place: Place<'_>, mut args: Args<'_>, name: &str) -> Option<Plan> {
    let (key, number) = (place.key(args.take_option()?), args.take_option()?);
    let condition = parse_condition(&mut args).ok()?;
    let unit = if name.starts_with('p') {
        Unit::Millis
    } else {
        Unit::Seconds
    };
    let life = parse_life(number, name, unit, name.ends_with("at")).ok()?;
    Some(Plan::of(
        vec![Op::SetLife(SetLifeOp {
            key,
            life,
            condition,
        })],
        Rule::Number,
    ))
}

/// PERSIST key.
pub fn persist(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let op = Op::SetLife(SetLifeOp {
        key: place.key(args.take_option()?),
        life: Life::Forever,
        condition: LifeCondition::default(),
    });
    Some(Plan::of(vec![op], Rule::Number))
}

pub fn rename(place: Place<'_>, mut args: Args<'_>, name: &str) -> Option<Plan> {
    let (key, to) = (
        place.key(args.take_option()?),
        place.key(args.take_option()?),
    );
    let only_missing = name == "renamenx";
    let op = DataOp::Rename {
        key,
        to,
        only_missing,
    };
    let rule = if only_missing { Rule::Number } else { Rule::Ok };
    Some(Plan::of(vec![Op::Data(op)], rule))
}
