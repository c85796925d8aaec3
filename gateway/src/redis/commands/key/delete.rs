//! DEL (UNLINK), EXISTS (TOUCH), TYPE.

use bytes::Bytes;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// DEL key...: how many were there.
pub fn del(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    Ok(Reply::count(
        args.rest().iter().filter(|key| view.delete(key)).count(),
    ))
}

/// EXISTS key...: a key named twice counts twice.
pub fn exists(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    Ok(Reply::count(
        args.rest()
            .iter()
            .filter(|key: &&Bytes| view.exists(key))
            .count(),
    ))
}

/// TYPE key: `none` for a missing key.
pub fn type_of(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    Ok(Reply::status(
        view.get(args.take()?)
            .map_or("none", |item| item.type_name()),
    ))
}
