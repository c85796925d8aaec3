//! SETNX, SETEX, PSETEX: SET of before it had options.

use quorate_core::command::{DataOp, Life, PutOp, When};

use super::expiry::{Expiry, Unit};
use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::plan::{Place, Plan, Rule};

/// SETNX key value: 1 or 0.
pub fn setnx(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let op = DataOp::Set {
        key: place.key(args.take()?),
        value: args.take()?.clone(),
        life: Life::Forever,
        when: When::Absent,
        want_old: false,
    };
    Ok(Plan::one(op, Rule::Flag))
}

/// SETEX key seconds value.
pub fn setex(place: Place<'_>, args: Args<'_>) -> Result<Plan, Fault> {
    with_life(place, args, Unit::Seconds, "setex")
}

/// PSETEX key milliseconds value.
pub fn psetex(place: Place<'_>, args: Args<'_>) -> Result<Plan, Fault> {
    with_life(place, args, Unit::Millis, "psetex")
}

fn with_life(place: Place<'_>, mut args: Args<'_>, unit: Unit, name: &str) -> Result<Plan, Fault> {
    let key = place.key(args.take()?);
    let number = args.take_i64()?;
    let value = args.take()?.clone();
    let life = Expiry::positive(number, unit, false, name)?.life;
    Ok(Plan::one(PutOp::bytes(key, value, life), Rule::Ok))
}
