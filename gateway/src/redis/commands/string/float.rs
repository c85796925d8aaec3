//! INCRBYFLOAT.

use quorate_core::command::DataOp;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::plan::{Place, Plan, Rule};

/// INCRBYFLOAT key increment: keeps the life; the new number. Redis looks at the key before it
/// reads the increment, and so does the op.
pub fn incrbyfloat(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let (key, by) = (place.key(args.take()?), args.take()?.clone());
    Ok(Plan::one(DataOp::AddFloat { key, by }, Rule::Text))
}
