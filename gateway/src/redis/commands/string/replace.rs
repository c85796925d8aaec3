//! GETSET key value: SET with the old value as the answer.

use quorate_core::command::{DataOp, Life, When};

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::plan::{Place, Plan, Rule};

pub fn getset(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let op = DataOp::Set {
        key: place.key(args.take()?),
        value: args.take()?.clone(),
        life: Life::Forever,
        when: When::Always,
        want_old: true,
    };
    Ok(Plan::one(op, Rule::Old))
}
