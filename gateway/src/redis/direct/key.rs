//! Plans of the commands on keys of any type.

use bytes::Bytes;
use quorate_core::command::{DeleteOp, Op, SetLifeOp};
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
    (keys.len() <= TXN_OPS_MAX).then(|| Plan::always(keys.iter().map(op).collect(), Rule::Deleted))
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
    Some(Plan::always(
        vec![Op::SetLife(SetLifeOp {
            key,
            life,
            condition,
        })],
        Rule::Number,
    ))
}
