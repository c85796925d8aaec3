//! HGETALL, HKEYS, HVALS, HLEN: whole hashes. Fields come in byte order, on every member alike.

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// HGETALL key: a map; empty for a missing key.
pub fn hgetall(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let hash = view.hash(args.take()?)?.unwrap_or_default();
    let pair = |(field, value): (&bytes::Bytes, &bytes::Bytes)| {
        (Reply::Bulk(field.clone()), Reply::Bulk(value.clone()))
    };
    Ok(Reply::Map(hash.iter().map(pair).collect()))
}

/// HKEYS key.
pub fn hkeys(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let hash = view.hash(args.take()?)?.unwrap_or_default();
    Ok(Reply::bulks(hash.keys().cloned()))
}

/// HVALS key.
pub fn hvals(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let hash = view.hash(args.take()?)?.unwrap_or_default();
    Ok(Reply::bulks(hash.values().cloned()))
}

/// HLEN key: 0 for a missing key.
pub fn hlen(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    Ok(Reply::count(
        view.hash(args.take()?)?.map_or(0, |hash| hash.len()),
    ))
}
