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
    let mut option = None;
    let mut number = args.clone();
    while let Some(word) = args.take_keyword() {
        // The same option again is the last one's number.
        if option.as_ref().is_some_and(|before| *before != word) {
            return Err(Fault::SYNTAX);
        }
        if Expiry::is_option(&word) {
            number = args.clone();
            args.take()?;
        } else if word != b"PERSIST" {
            return Err(Fault::SYNTAX);
        }
        option = Some(word);
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
