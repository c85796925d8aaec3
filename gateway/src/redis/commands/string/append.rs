//! APPEND and STRLEN.

use bytes::{BufMut, Bytes, BytesMut};
use quorate_core::command::DataOp;
use quorate_core::limits::REQUEST_BYTES_MAX;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// APPEND key value: adds to the end and keeps the life; the new length.
pub fn append(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let (key, suffix) = (args.take()?, args.take()?);
    let old = view.string(key)?;
    let length = old.as_ref().map_or(0, Bytes::len) + suffix.len();
    if length > REQUEST_BYTES_MAX {
        return Err(Fault::TOO_LONG);
    }
    let mut joined = BytesMut::with_capacity(length);
    joined.put_slice(old.as_deref().unwrap_or_default());
    joined.put_slice(suffix);
    let op = DataOp::Append {
        key: view.full_key(key),
        suffix: suffix.clone(),
    };
    view.change_bytes(key, joined.freeze(), op);
    Ok(Reply::count(length))
}

/// STRLEN key: 0 for a missing key.
pub fn strlen(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    Ok(Reply::count(
        view.string(args.take()?)?.map_or(0, |value| value.len()),
    ))
}
