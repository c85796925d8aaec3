//! GET: the value, or null.

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

pub fn get(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    Ok(Reply::maybe(view.string(args.take()?)?))
}
