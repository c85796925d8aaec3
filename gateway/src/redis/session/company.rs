//! Scripts that wait for the same keys, carried out together.
//!
//! One by one each would need an entry of its own, or a turn, and wait for those before it. But all
//! that wait are under way, so one instant is right for all of them: they run one after another on
//! one view, each seeing what those before it did, and are one txn. Where members contend a turn is
//! for all of a member that wait when it comes.
//!
//! ```text
//! 20 clients at one key     the first's entry is on its way, 19 wait: the next entry carries 19
//! ```
//!
//! A task of its own, the carrier, does it, so that a client that goes away takes nobody along.
//! What it had asked for may have happened then, as whenever a client goes. If guards fail the same
//! run again, in their order.
//!
//! Who can't be among others is done by itself: a script that takes long, that asks for the fencing
//! token of what the view has made, or that makes a key anew (`remade`); and all of them if what
//! they did together was refused.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use quorate_core::outcome::NodeError;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::crowds::{Crowds, Group, Told, Waiting};
use super::data::hash;
use super::exec::Queued;
use super::fitting::{Callers, run_front};
use super::state::Session;
use super::together::ALONE;
use crate::redis::context::Context;
use crate::redis::program::{Failure, Kind, Scope, View, run};
use crate::redis::reply::Reply;

impl Session {
    /// Carries a script out with others that wait for the same keys, if it may be among others.
    pub async fn in_company(&mut self, command: Queued, keys: &[Bytes]) -> Told {
        if keys.is_empty() || self.alone > 0 {
            return Told::Alone(command);
        }
        // It would be held back by a turn of its own.
        self.watch_turn.give_back();
        let (told, hears) = oneshot::channel();
        let one = Waiting {
            command,
            told,
            deadline: self.context.deadline(),
        };
        let group = Group::new(&self.principal, self.db, keys);
        if self.context.crowds.join(&group, one) {
            tokio::spawn(carry(self.context.clone(), group));
        }
        let heard = hears.await;
        // Its carrier went with a thread that was stopped.
        let heard = heard.unwrap_or(Told::Failed(Failure::Node(NodeError::Unknown)));
        if matches!(heard, Told::Alone(_)) {
            self.alone = ALONE;
        }
        heard
    }
}

/// How long those who were told something are waited for, and for how many rounds they are not
/// after they did not come back.
const RETURN_MAX: Duration = Duration::from_millis(1);
const ROUNDS_WITHOUT: u32 = 32;

/// Carries out those of a crowd, until nobody waits.
async fn carry(context: Arc<Context>, group: Group) {
    let (crowds, what) = (&context.crowds, hash(&group));
    let mut rounds_without = 0_u32;
    while let Some(deadline) = crowds.deadline(&group) {
        let scope = Scope {
            deadline,
            gathers: true,
            ..context.scope(&group.principal, group.db, &group.keys, what)
        };
        // Chosen when they may run, and no others then: who comes later has not been waited for.
        let mut chosen = None;
        let attempt = |view: View| {
            let members = chosen.get_or_insert_with(|| crowds.take(&group));
            ready(run_members(view, members, crowds, &group))
        };
        let ran = run(&scope, Kind::Write, &[], attempt).await;
        // Where it has come to no run, what stopped it is told to those that it was for.
        let mut members = chosen.unwrap_or_else(|| crowds.take_until(&group, deadline));
        if matches!(ran, Err(Failure::Node(NodeError::Timeout))) {
            // Nothing has happened, and not everybody's time is over.
            let now = Instant::now();
            let (over, others) = members.into_iter().partition(|one| one.deadline <= now);
            crowds.put_back(&group, others);
            members = over;
        }
        if members.len() > 1 && ran.is_ok() {
            let counter = &context.counters.in_company;
            counter.fetch_add(members.len() as u64, Ordering::Relaxed);
        }
        let all = members.len() + crowds.size(&group);
        tell(members, ran.map(Option::unwrap_or_default));
        // Whoever asks in a loop is back in a moment. Without the moment every other entry would be
        // that of the quickest alone. For a turn one waits anyway.
        let contends = || context.contended.recall(what, Instant::now()).is_some();
        rounds_without = rounds_without.saturating_sub(1);
        if all > 1 && rounds_without == 0 && !contends() {
            let back = timeout(RETURN_MAX, crowds.gathered(&group, all)).await;
            rounds_without = back.map_or(ROUNDS_WITHOUT, |()| 0);
        }
    }
}

/// The replies of those that fit; only they stay.
fn run_members(
    view: View,
    members: &mut Vec<Waiting>,
    crowds: &Crowds,
    group: &Group,
) -> (View, Vec<Reply>) {
    let commands: Vec<&Queued> = members.iter().map(|one| &one.command).collect();
    let (view, fitted) = run_front(view, &commands, Callers::Several);
    let mut others = members.split_off(fitted.replies.len());
    if fitted.is_cut {
        others.remove(0).send_away();
    }
    crowds.put_back(group, others);
    (view, fitted.replies)
}

fn tell(members: Vec<Waiting>, ran: Result<Vec<Reply>, Failure>) {
    match ran {
        Ok(replies) => {
            let told = members.into_iter().zip(replies);
            told.for_each(|(one, reply)| one.tell(Told::Done(reply)));
        }
        // It may be that of one of them.
        Err(Failure::Refused(_)) if members.len() > 1 => {
            members.into_iter().for_each(Waiting::send_away);
        }
        Err(failure) => {
            let all = members.into_iter();
            all.for_each(|one| one.tell(Told::Failed(failure.clone())));
        }
    }
}

#[cfg(test)]
mod tests;
