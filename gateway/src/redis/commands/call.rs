//! Calling a data command on a view: what MULTI, scripts and lone commands share.

use bytes::Bytes;

use super::registry::lookup;
use super::row::{Row, Run};
use super::subcommands::{self, Misfit};
use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::plan::{Place, Plan};
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

/// The plan of checked arguments, and what is said of them; None if the row is not one that writes.
pub fn plan(place: Place<'_>, row: &Row, args: &[Bytes]) -> Option<Result<Plan, Fault>> {
    match row.run {
        Run::Write(write) => Some(write(place, Args::after_name(args))),
        Run::Data(_) | Run::Script(_) | Run::Session(_) => None,
    }
}

/// Runs a checked data command whose reply waits for the end of its program. None if the row is not
/// for views (it concerns a connection).
pub fn call(view: &mut View, row: &Row, args: &[Bytes]) -> Option<Reply> {
    let reply = on_view(view, row, args)?;
    view.will_answer(&reply);
    Some(reply)
}

/// Runs a command of a program, a script's own among them, if there is room for what it does.
pub fn on_view(view: &mut View, row: &Row, args: &[Bytes]) -> Option<Reply> {
    let has_room = match row.needs_room() && view.is_full() {
        true => Err(Fault::FULL),
        false => view.check_size(),
    };
    let args = Args::after_name(args);
    let done = match (row.run, has_room) {
        (Run::Session(_), _) => return None,
        (_, Err(fault)) => Err(fault),
        (Run::Data(run) | Run::Script(run), Ok(())) => run(view, args),
        (Run::Write(write), Ok(())) => write(view.place(), args).map(|plan| view.carry_out(plan)),
    };
    Some(done.into())
}
