//! INCR, DECR, INCRBY, DECRBY: whole numbers, the life is kept.

use quorate_core::command::DataOp;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::number::parse_i64;
use crate::redis::program::View;
use crate::redis::reply::Reply;

pub fn incr(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    add(view, args.take()?, 1)
}

pub fn decr(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    add(view, args.take()?, -1)
}

pub fn incrby(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let key = args.take()?;
    let by = args.take_i64()?;
    add(view, key, by)
}

pub fn decrby(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let key = args.take()?;
    let by = args.take_i64()?.checked_neg().ok_or(DECREMENT_OVERFLOW)?;
    add(view, key, by)
}

const DECREMENT_OVERFLOW: Fault = Fault::fixed("ERR decrement would overflow");

fn add(view: &mut View, key: &[u8], by: i64) -> Result<Reply, Fault> {
    let old = match view.string(key)? {
        Some(text) => parse_i64(&text).ok_or(Fault::NOT_AN_INTEGER)?,
        None => 0,
    };
    let sum = old.checked_add(by).ok_or(Fault::OVERFLOW)?;
    let op = DataOp::Add {
        key: view.full_key(key),
        by,
    };
    view.change_bytes(key, sum.to_string().into(), op);
    Ok(Reply::Integer(sum))
}
