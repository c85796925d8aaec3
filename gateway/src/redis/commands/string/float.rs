//! INCRBYFLOAT in scripts.

use bytes::Bytes;
use quorate_core::command::Life;
use quorate_core::float::{Decimal, add_floats};
use quorate_core::outcome::Cause;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// INCRBYFLOAT key increment: keeps the life; the new number.
pub fn incrbyfloat(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let (key, by) = (args.take()?, args.take()?);
    let old = view
        .string(key)?
        .unwrap_or_else(|| Bytes::from_static(b"0"));
    let old = Decimal::parse(&old).ok_or(Fault::NOT_A_FLOAT)?;
    let by = Decimal::parse(by).ok_or(Fault::NOT_A_FLOAT)?;
    let sum = add_floats(old, by).ok_or(INFINITE)?;
    view.because(Cause::AddFloat);
    view.put_bytes(key, sum.clone().into(), Life::Keep { must_exist: false });
    Ok(Reply::text(sum))
}

const INFINITE: Fault = Fault::fixed("ERR increment would produce NaN or Infinity");
