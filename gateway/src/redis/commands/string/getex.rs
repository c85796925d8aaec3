//! GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]: the value, and a new life for the key.

use quorate_core::command::Life;

use super::expiry::Expiry;
use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// Redis judges the syntax first, then the key, then the time.
pub fn getex(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let key = args.take()?;
    let option = args.take_keyword();
    let mut number = args.clone();
    match option.as_deref() {
        None | Some(b"PERSIST") => args.finish()?,
        Some(word) if Expiry::is_option(word) => {
            args.take()?;
            args.finish()?;
        }
        Some(_) => return Err(Fault::SYNTAX),
    }
    let Some(value) = view.string(key)? else {
        return Ok(Reply::Null);
    };
    match option.as_deref() {
        None => {}
        Some(b"PERSIST") if view.deadline(key).flatten().is_none() => {}
        Some(b"PERSIST") => view.set_life(key, Life::Forever),
        Some(word) => view.set_life(key, Expiry::parse(word, &mut number, "getex")?.life),
    }
    Ok(Reply::Bulk(value))
}
