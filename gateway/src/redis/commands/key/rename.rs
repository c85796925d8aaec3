//! RENAME and RENAMENX: value and life move to another name.

use quorate_core::command::Life;
use quorate_core::outcome::Cause;
use quorate_core::types::Deadline;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::{ItemLife, View};
use crate::redis::reply::Reply;

/// RENAME key newkey: overwrites the new name.
pub fn rename(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    run(view, args, false).map(|_| Reply::OK)
}

/// RENAMENX key newkey: 0 if the new name is taken.
pub fn renamenx(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    run(view, args, true).map(Reply::flag)
}

fn run(view: &mut View, mut args: Args<'_>, only_missing: bool) -> Result<bool, Fault> {
    let (from, to) = (args.take()?, args.take()?);
    let ends = view.deadline(from);
    let item = view.get(from).ok_or(Fault::NO_SUCH_KEY)?;
    if from == to {
        return Ok(!only_missing);
    }
    if only_missing && view.exists(to) {
        return Ok(false);
    }
    let life = match (item.life, ends.flatten()) {
        (ItemLife::Lease(id), _) => Life::Lease(id),
        (_, Some(Deadline::Wall(end))) => Life::Until(end),
        (_, Some(deadline)) => Life::For(deadline.left_ms(view.now()).max(1)),
        (_, None) => Life::Forever,
    };
    view.because(Cause::RenameFrom);
    view.delete(from);
    view.because(Cause::RenameTo);
    view.put(to, item.value, life);
    Ok(true)
}
