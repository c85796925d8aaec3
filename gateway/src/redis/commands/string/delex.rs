//! DELEX (of Redis 8.4) and LOCK.TOKEN (ours): locks without scripts.

use quorate_core::command::{DataOp, DeleteOp};

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::plan::{Place, Plan, Rule};
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// DELEX key [IFEQ value | IFNE value]: deletes a key, with a condition only a string whose value
/// is (not) that; 1 or 0. WRONGTYPE for a condition on another type.
pub fn delex(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let key = place.key(args.take()?);
    let Some(option) = args.take_keyword() else {
        return Ok(Plan::one(DeleteOp::key(key), Rule::Deleted));
    };
    let is_equal = match option.as_slice() {
        b"IFEQ" => true,
        b"IFNE" => false,
        _ => return Err(Fault::SYNTAX),
    };
    let value = args.take()?.clone();
    args.finish()?;
    let op = DataOp::DeleteIf {
        key,
        value,
        is_equal,
    };
    Ok(Plan::one(op, Rule::Number))
}

/// LOCK.TOKEN key value: the fencing token (the key's create revision) if the key is held with
/// that value, else null. From holder to holder it only ever rises, if each takes the lock while it
/// is free (NX); who writes over a lock that is held has its token.
pub fn lock_token(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let (key, value) = (args.take()?, args.take()?);
    if view.string(key)?.as_ref() != Some(value) {
        return Ok(Reply::Null);
    }
    Ok(view.lock_token(key).map_or(Reply::Null, Reply::Integer))
}
