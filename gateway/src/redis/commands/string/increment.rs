//! INCR, DECR, INCRBY, DECRBY: whole numbers, the life is kept.

use quorate_core::command::DataOp;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::plan::{Place, Plan, Rule};

pub fn incr(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    Ok(add(place, args.take()?, 1))
}

pub fn decr(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    Ok(add(place, args.take()?, -1))
}

pub fn incrby(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let key = args.take()?;
    Ok(add(place, key, args.take_i64()?))
}

pub fn decrby(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let key = args.take()?;
    let by = args.take_i64()?.checked_neg().ok_or(DECREMENT_OVERFLOW)?;
    Ok(add(place, key, by))
}

const DECREMENT_OVERFLOW: Fault = Fault::fixed("ERR decrement would overflow");

fn add(place: Place<'_>, key: &[u8], by: i64) -> Plan {
    let key = place.key(key);
    Plan::one(DataOp::Add { key, by }, Rule::Number)
}
