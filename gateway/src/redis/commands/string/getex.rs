//! GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]: the value, and a new life for the key.

use quorate_core::command::Life;

use super::expiry::Expiry;
use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

pub fn getex(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let key = args.take()?;
    let mut life = None;
    while let Some(option) = args.take_keyword() {
        if life.is_some() {
            return Err(Fault::SYNTAX);
        }
        life = Some(match option.as_slice() {
            b"PERSIST" => Life::Forever,
            other if Expiry::is_option(other) && args.is_empty() => return Err(Fault::SYNTAX),
            other => {
                let number = args.clone();
                let mut behind = args.clone();
                behind.take()?;
                if !behind.is_empty() {
                    return Err(Fault::SYNTAX);
                }
                args = behind;
                Expiry::parse(other, &mut number.clone(), "getex")?.life
            }
        });
    }
    let value = view.string(key)?;
    let ends = value.is_some() && view.deadline(key).flatten().is_some();
    match life {
        Some(Life::Forever) if !ends => {}
        Some(life) => view.set_life(key, life),
        None => {}
    }
    Ok(Reply::maybe(value))
}
