//! HGET, HMGET, HEXISTS, HSTRLEN: single fields.

use bytes::Bytes;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// HGET key field: the value, or null.
pub fn hget(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    Ok(Reply::maybe(one(view, args)?))
}

/// HMGET key field...: null for what is missing.
pub fn hmget(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let hash = view.hash(args.take()?)?.unwrap_or_default();
    let value = |field: &Bytes| Reply::maybe(hash.get(field).cloned());
    Ok(Reply::Array(args.rest().iter().map(value).collect()))
}

/// HEXISTS key field: 1 or 0.
pub fn hexists(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    Ok(Reply::flag(one(view, args)?.is_some()))
}

/// HSTRLEN key field: the length of the value, 0 if missing.
pub fn hstrlen(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    Ok(Reply::count(
        one(view, args)?.map_or(0, |value| value.len()),
    ))
}

fn one(view: &mut View, mut args: Args<'_>) -> Result<Option<Bytes>, Fault> {
    let hash = view.hash(args.take()?)?;
    let field = args.take()?;
    Ok(hash.and_then(|hash| hash.get(field).cloned()))
}
