//! GETSET key value: SET with the old value as the answer.

use quorate_core::command::Life;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

pub fn getset(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let (key, value) = (args.take()?, args.take()?);
    let old = view.string(key)?;
    view.put_bytes(key, value.clone(), Life::Forever);
    Ok(Reply::maybe(old))
}
