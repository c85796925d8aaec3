//! GETRANGE (SUBSTR) and SETRANGE.

use bytes::Bytes;
use quorate_core::command::DataOp;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::plan::{Place, Plan, Rule};
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// GETRANGE key start end: both inclusive, negative ones count from the end.
pub fn getrange(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let key = args.take()?;
    let (start, end) = (args.take_i64()?, args.take_i64()?);
    let value = view.string(key)?.unwrap_or_default();
    let length = i64::try_from(value.len()).unwrap_or(i64::MAX);
    if start < 0 && end < 0 && start > end {
        return Ok(Reply::Bulk(Bytes::new()));
    }
    let from_start = |at: i64| {
        if at < 0 {
            (at.saturating_add(length)).max(0)
        } else {
            at
        }
    };
    let (start, end) = (from_start(start), from_start(end).min(length - 1));
    if start > end || length == 0 {
        return Ok(Reply::Bulk(Bytes::new()));
    }
    let (start, end) = (start.unsigned_abs() as usize, end.unsigned_abs() as usize);
    Ok(Reply::Bulk(value.slice(start..=end)))
}

/// SETRANGE key offset value: writes over a part, zeros before it if need be; the new length.
pub fn setrange(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let key = place.key(args.take()?);
    let offset = u64::try_from(args.take_i64()?).map_err(|_| OFFSET)?;
    let part = args.take()?.clone();
    Ok(Plan::one(
        DataOp::SetRange { key, offset, part },
        Rule::Number,
    ))
}

const OFFSET: Fault = Fault::fixed("ERR offset is out of range");
