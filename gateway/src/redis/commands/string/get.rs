//! GET, GETDEL and MGET.

use bytes::Bytes;
use quorate_core::command::DataOp;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::plan::{Place, Plan, Rule};
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// GET key: the value, or null.
pub fn get(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    Ok(Reply::maybe(view.string(args.take()?)?))
}

/// GETDEL key: the value, which is deleted.
pub fn getdel(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let key = place.key(args.take()?);
    Ok(Plan::one(DataOp::Take { key }, Rule::Old))
}

/// MGET key...: the values; null for what is missing or not a string.
pub fn mget(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let mut value = |key: &Bytes| Reply::maybe(view.string(key).ok().flatten());
    Ok(Reply::Array(args.rest().iter().map(&mut value).collect()))
}
