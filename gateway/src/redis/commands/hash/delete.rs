//! HDEL key field...: how many fields were there; the last one takes the key with it.

use quorate_core::command::DataOp;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::plan::{Place, Plan, Rule};

pub fn hdel(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let key = place.key(args.take()?);
    let fields = args.rest().to_vec();
    Ok(Plan::one(DataOp::HashDelete { key, fields }, Rule::Number))
}
