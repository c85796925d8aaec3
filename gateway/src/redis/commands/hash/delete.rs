//! HDEL key field...: how many fields were there; the last one takes the key with it.

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

pub fn hdel(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let key = args.take()?;
    let removed = view.hash_delete(key, args.rest())?;
    Ok(Reply::Integer(removed as i64))
}
