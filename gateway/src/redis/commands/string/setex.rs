//! SETNX, SETEX, PSETEX: SET of before it had options.

use quorate_core::command::Life;

use super::expiry::{Expiry, Unit};
use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// SETNX key value: 1 or 0.
pub fn setnx(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let (key, value) = (args.take()?, args.take()?);
    let absent = !view.exists(key);
    if absent {
        view.put_bytes(key, value.clone(), Life::Forever);
    }
    Ok(Reply::flag(absent))
}

/// SETEX key seconds value.
pub fn setex(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    with_life(view, args, Unit::Seconds, "setex")
}

/// PSETEX key milliseconds value.
pub fn psetex(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    with_life(view, args, Unit::Millis, "psetex")
}

fn with_life(view: &mut View, mut args: Args<'_>, unit: Unit, name: &str) -> Result<Reply, Fault> {
    let key = args.take()?;
    let number = args.take_i64()?;
    let value = args.take()?;
    let life = Expiry::positive(number, unit, false, name)?.life;
    view.put_bytes(key, value.clone(), life);
    Ok(Reply::OK)
}
