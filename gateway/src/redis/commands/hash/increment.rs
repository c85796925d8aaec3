//! HINCRBY and HINCRBYFLOAT.

use quorate_core::command::DataOp;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::plan::{Place, Plan, Rule};

/// HINCRBY key field increment: the new number; a missing field counts as 0.
pub fn hincrby(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let op = DataOp::HashAdd {
        key: place.key(args.take()?),
        field: args.take()?.clone(),
        by: args.take_i64()?,
    };
    Ok(Plan::one(op, Rule::Number))
}

/// HINCRBYFLOAT key field increment: the new number as text.
pub fn hincrbyfloat(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let op = DataOp::HashAddFloat {
        key: place.key(args.take()?),
        field: args.take()?.clone(),
        by: args.take()?.clone(),
    };
    Ok(Plan::one(op, Rule::Text))
}
