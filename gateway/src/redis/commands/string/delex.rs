//! DELEX (of Redis 8.4) and LOCK.TOKEN (ours): locks without scripts.

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// DELEX key [IFEQ value | IFNE value]: deletes a key, with a condition only a string whose value
/// is (not) that; 1 or 0. WRONGTYPE for a condition on another type.
pub fn delex(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let key = args.take()?;
    let Some(option) = args.take_keyword() else {
        return Ok(Reply::flag(view.delete(key)));
    };
    let wanted = args.take()?;
    args.finish()?;
    let equal = match option.as_slice() {
        b"IFEQ" => true,
        b"IFNE" => false,
        _ => return Err(Fault::SYNTAX),
    };
    let Some(value) = view.string(key)? else {
        return Ok(Reply::Integer(0));
    };
    Ok(Reply::flag((value == *wanted) == equal && view.delete(key)))
}

/// LOCK.TOKEN key value: the fencing token (the key's create revision) if the key is held with
/// that value, else null. A token only ever rises from holder to holder.
pub fn lock_token(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let (key, value) = (args.take()?, args.take()?);
    let Some(item) = view.get(key) else {
        return Ok(Reply::Null);
    };
    let held = item.string()? == value && item.create_revision > 0;
    Ok(if held {
        Reply::Integer(item.create_revision)
    } else {
        Reply::Null
    })
}
