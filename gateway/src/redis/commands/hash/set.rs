//! HSET, HMSET, HSETNX.

use bytes::Bytes;
use quorate_core::types::Hash;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// HSET key field value...: how many fields are new.
pub fn hset(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let key = args.take()?;
    let fields = fields(&mut args, "hset")?;
    Ok(Reply::Integer(view.hash_set(key, fields)? as i64))
}

/// HMSET: HSET that answers OK.
pub fn hmset(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let key = args.take()?;
    let fields = fields(&mut args, "hmset")?;
    view.hash_set(key, fields)?;
    Ok(Reply::OK)
}

/// HSETNX key field value: only if the field is missing; 1 or 0.
pub fn hsetnx(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let (key, field, value) = (args.take()?, args.take()?, args.take()?);
    if view.hash(key)?.is_some_and(|hash| hash.contains_key(field)) {
        return Ok(Reply::Integer(0));
    }
    view.hash_set(key, Hash::from([(field.clone(), value.clone())]))?;
    Ok(Reply::Integer(1))
}

/// The last value given for a field counts.
pub fn fields(args: &mut Args<'_>, command: &str) -> Result<Hash, Fault> {
    let (pairs, odd): (&[[Bytes; 2]], _) = args.rest().as_chunks::<2>();
    if !odd.is_empty() {
        return Err(Fault::arity(command));
    }
    Ok(pairs
        .iter()
        .map(|[field, value]| (field.clone(), value.clone()))
        .collect())
}
