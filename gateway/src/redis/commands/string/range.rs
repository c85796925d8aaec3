//! GETRANGE (SUBSTR) and SETRANGE.

use bytes::{Bytes, BytesMut};
use quorate_core::command::Life;
use quorate_core::limits::REQUEST_BYTES_MAX;
use quorate_core::outcome::Cause;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
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
pub fn setrange(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let key = args.take()?;
    let offset = args.take_i64()?;
    let part = args.take()?;
    let offset = usize::try_from(offset).map_err(|_| OFFSET)?;
    let old = view.string(key)?.unwrap_or_default();
    if part.is_empty() {
        return Ok(Reply::count(old.len()));
    }
    let end = offset.saturating_add(part.len());
    if end > REQUEST_BYTES_MAX {
        return Err(Fault::TOO_LONG);
    }
    let mut new = BytesMut::from(old.as_ref());
    new.resize(old.len().max(end), 0);
    new[offset..end].copy_from_slice(part);
    let length = new.len();
    view.because(Cause::SetRange);
    view.put_bytes(key, new.freeze(), Life::Keep { must_exist: false });
    Ok(Reply::count(length))
}

const OFFSET: Fault = Fault::fixed("ERR offset is out of range");
