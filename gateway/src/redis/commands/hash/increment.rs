//! HINCRBY and HINCRBYFLOAT.

use bytes::Bytes;
use quorate_core::command::DataOp;
use quorate_core::float::{Decimal, add_floats};
use quorate_core::outcome::Cause;
use quorate_core::types::Hash;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::number::parse_i64;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// HINCRBY key field increment: the new number; a missing field counts as 0.
pub fn hincrby(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let (key, field) = (args.take()?, args.take()?);
    let by = args.take_i64()?;
    let old = match field_of(view, key, field)? {
        Some(text) => parse_i64(&text).ok_or(NOT_AN_INTEGER)?,
        None => 0,
    };
    let sum = old.checked_add(by).ok_or(Fault::OVERFLOW)?;
    let op = DataOp::HashAdd {
        key: view.full_key(key),
        field: field.clone(),
        by,
    };
    let fields = Hash::from([(field.clone(), sum.to_string().into())]);
    view.hash_change(key, &fields, op)?;
    Ok(Reply::Integer(sum))
}

/// HINCRBYFLOAT key field increment: the new number as text.
pub fn hincrbyfloat(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let (key, field, by) = (args.take()?, args.take()?, args.take()?);
    let by = Decimal::parse(by).ok_or(Fault::NOT_A_FLOAT)?;
    if by.is_infinite() {
        return Err(Fault::fixed("ERR value is NaN or Infinity"));
    }
    let old = field_of(view, key, field)?.unwrap_or_else(|| Bytes::from_static(b"0"));
    let old = Decimal::parse(&old).ok_or(Fault::fixed("ERR hash value is not a float"))?;
    let infinite = Fault::fixed("ERR increment would produce NaN or Infinity");
    let sum = add_floats(old, by).ok_or(infinite)?;
    view.because(Cause::HashAddFloat);
    view.hash_set(key, Hash::from([(field.clone(), sum.clone().into())]))?;
    Ok(Reply::text(sum))
}

const NOT_AN_INTEGER: Fault = Fault::fixed("ERR hash value is not an integer");

fn field_of(view: &mut View, key: &[u8], field: &Bytes) -> Result<Option<Bytes>, Fault> {
    Ok(view.hash(key)?.and_then(|hash| hash.get(field).cloned()))
}
