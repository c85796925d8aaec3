//! Commands one after another on one view, as many of them as fit.

use std::time::{Duration, Instant};

use super::exec::Queued;
use super::remade::Remade;
use crate::redis::commands::{Run, call};
use crate::redis::program::{View, lua};
use crate::redis::reply::Reply;

/// What they may read, write and answer before no more is begun.
const VIEW_BYTES_MAX: usize = 512 * 1024;

/// Time in which they are begun: others on this thread wait for them.
const TIME_MAX: Duration = Duration::from_millis(5);

/// Whose commands they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    One,
    /// Of whom no two may be told of a key that they made it, with one fencing token.
    Several,
}

/// What became of commands that were tried together.
#[derive(Default)]
pub struct Fitted {
    /// Of those at the front that fitted.
    pub replies: Vec<Reply>,
    /// The one behind them has to be alone, or does not fit any more.
    pub is_cut: bool,
}

/// Those at the front that fit, on a view with nothing of the others in it.
pub fn run_front(mut view: View, commands: &[&Queued], callers: Callers) -> (View, Fitted) {
    let db = view.db();
    match run_fitting(&mut view, commands, callers) {
        Ok(replies) => {
            let is_cut = false;
            (view, Fitted { replies, is_cut })
        }
        Err(fitting) => {
            let (view, done) = run_front(view.begun_anew(db), &commands[..fitting], callers);
            let is_cut = true;
            (view, Fitted { is_cut, ..done })
        }
    }
}

/// The replies of those for which there was time and room. Err: how many come before the one that
/// can't be among them; the view holds what it did in part.
fn run_fitting(
    view: &mut View,
    commands: &[&Queued],
    callers: Callers,
) -> Result<Vec<Reply>, usize> {
    let mut remade = Remade::default();
    let (db, ends) = (i64::from(view.db()), Instant::now() + TIME_MAX);
    let mut replies = Vec::with_capacity(commands.len());
    for command in commands {
        let is_first = replies.is_empty();
        if !is_first && (view.bytes() > VIEW_BYTES_MAX || Instant::now() >= ends) {
            break;
        }
        let written = view.written();
        let mut run = || call(view, command.row, &command.args);
        let done = match command.row.run {
            Run::Script(_) => lua::in_place(run),
            _ => Some(run()),
        };
        // What members are asked takes long, and how often has a bound.
        let not_with_others = callers == Callers::Several
            && (remade.follow(view.ops_since(written)) || view.asks_members());
        let may_be_among_others =
            !not_with_others && !view.asked_own_token() && view.check_size().is_ok();
        let reply = done.flatten().filter(|_| may_be_among_others);
        replies.push(reply.ok_or(replies.len())?);
        // SELECT in a script is for that script.
        view.select(db).expect("it was selected before");
    }
    Ok(replies)
}
