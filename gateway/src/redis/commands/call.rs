//! Calling a data command on a view: what MULTI, scripts and lone commands share.

use bytes::Bytes;

use super::registry::lookup;
use super::row::{Data, Row, Run};
use super::subcommands::{self, Misfit};
use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// The row for these arguments (the name first), or the error that Redis gives for a name or a
/// number of arguments that is not known.
pub fn check(args: &[Bytes]) -> Result<&'static Row, Fault> {
    let row = args.first().and_then(|name| lookup(name));
    let row = row.ok_or_else(|| Fault::unknown_command(args))?;
    if !row.takes(args.len()) {
        return Err(Fault::arity(row.name));
    }
    match subcommands::check(row, args) {
        Ok(()) => Ok(row),
        Err(Misfit::Unknown(given)) => Err(Fault::unknown_subcommand(row.name, given)),
        Err(Misfit::Arity(name)) => Err(Fault::arity(name)),
    }
}

/// Runs a checked data command of a MULTI. None if the row is not for views (it concerns a
/// connection).
pub fn call(view: &mut View, row: &Row, args: &[Bytes]) -> Option<Reply> {
    match row.run {
        Run::Data(data) | Run::Script(data) => {
            let reply = on_view(view, row, data, args);
            view.will_answer(&reply);
            Some(reply)
        }
        Run::Session(_) => None,
    }
}

/// Runs a command of a program, a script's own among them, if there is room for what it does.
pub fn on_view(view: &mut View, row: &Row, data: Data, args: &[Bytes]) -> Reply {
    let has_room = match row.needs_room() && view.is_full() {
        true => Err(Fault::FULL),
        false => view.check_size(),
    };
    has_room
        .and_then(|()| data(view, Args::after_name(args)))
        .into()
}
