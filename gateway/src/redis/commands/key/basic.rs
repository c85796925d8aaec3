//! PING, ECHO, INFO, SELECT, TIME: commands without keys that scripts may call too.

use quorate_core::types::UnixMillis;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// PING [message].
pub fn ping(_view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let message = args.take_option();
    if !args.is_empty() {
        return Err(Fault::arity("ping"));
    }
    Ok(message.map_or(Reply::status("PONG"), |message| {
        Reply::Bulk(message.clone())
    }))
}

/// ECHO message.
pub fn echo(_view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    Ok(Reply::Bulk(args.take()?.clone()))
}

/// INFO [section...].
pub fn info(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    Ok(view.info(args.rest()))
}

/// SELECT index: in a script, for that script.
pub fn select(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let index = args.take_i64()?;
    if i32::try_from(index).is_err() {
        return Err(NO_INT);
    }
    view.select(index)?;
    Ok(Reply::OK)
}

const NO_INT: Fault =
    Fault::fixed("ERR value is out of range, value must between -2147483648 and 2147483647");

/// TIME: the cluster's wall clock in seconds and microseconds.
pub fn time(view: &mut View, _args: Args<'_>) -> Result<Reply, Fault> {
    let UnixMillis(wall) = view.now().wall;
    let micros = wall % 1000 * 1000;
    let parts = [wall / 1000, micros].map(|part| Reply::text(part.to_string()));
    Ok(Reply::Array(parts.to_vec()))
}

/// PUBLISH channel message, in MULTI and scripts: part of the effects. The answer is how many of
/// this member's connections listen now.
pub fn publish(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let (channel, payload) = (args.take()?, args.take()?);
    let receivers = view.publish(channel.clone(), payload.clone());
    Ok(Reply::Integer(i64::try_from(receivers).unwrap_or(i64::MAX)))
}
