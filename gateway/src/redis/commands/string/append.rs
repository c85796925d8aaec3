//! APPEND and STRLEN.

use quorate_core::command::DataOp;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::plan::{Place, Plan, Rule};
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// APPEND key value: adds to the end and keeps the life; the new length.
pub fn append(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let (key, suffix) = (place.key(args.take()?), args.take()?.clone());
    Ok(Plan::one(DataOp::Append { key, suffix }, Rule::Number))
}

/// STRLEN key: 0 for a missing key.
pub fn strlen(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    Ok(Reply::count(
        view.string(args.take()?)?.map_or(0, |value| value.len()),
    ))
}
