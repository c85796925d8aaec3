//! The loop that runs a program until its guards hold; `contest` sees to it that they do.
//!
//! A program with effects is proposed as one guarded txn; if a guard fails, nothing has happened,
//! and it runs again once this member has applied the entry that said so. A program without
//! effects only has to have read one consistent state that is not older than its call.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use futures_util::future::join_all;
use quorate_core::command::{Command, Guard, Op, ScriptCommand, Txn};
use quorate_core::node::{Census, Node};
use quorate_core::outcome::{NodeError, Outcome, Refusal};
use quorate_core::types::{Index, Now, Principal};
use tokio::time::Instant;

use super::cache_changes::CacheChanges;
use super::contended::Contended;
use super::contest::{Contest, Lost};
use super::guards::Guards;
use super::heard::Heard;
use super::key_queues::KeyQueues;
use super::reader::Reader;
use super::view::View;
use crate::redis::keyspace::Keyspace;

/// Where and for whom a program runs.
pub struct Scope<'a> {
    pub node: &'a Node,
    pub reader: &'a Arc<dyn Reader>,
    pub keyspace: &'a Arc<Keyspace>,
    pub queues: &'a KeyQueues,
    pub contended: &'a Contended,
    /// Counts what had to run again because others had written what it had read.
    pub retries: &'a AtomicU64,
    pub principal: &'a Principal,
    pub db: u32,
    /// The end of the whole call, retries included. A turn that has come gives as much time again.
    pub deadline: Instant,
    /// The times of a barrier that was passed within this call, if one was.
    pub passed: Option<Now>,
    /// Others may join until it runs first: no barrier from before is one for them.
    pub gathers: bool,
    /// Redis keys the program will name, as far as known: it queues for them.
    pub keys: &'a [Bytes],
    /// Stands for what the program does and the keys it names.
    pub what: u64,
}

/// What a program is expected to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Has effects, usually: reads this member's state as it is, its guards find out.
    Write,
    /// Has none: reads after a barrier.
    Read,
    /// Reads many keys and may see them at different instants (SCAN, KEYS).
    WeakRead,
}

/// Why a program did not happen, or may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    Node(NodeError),
    Refused(Refusal),
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Failure {
        Failure::Node(error)
    }
}

/// Runs a program that needs no other thread.
pub async fn run_sync<T>(
    scope: &Scope<'_>,
    kind: Kind,
    watched: &[Guard],
    mut program: impl FnMut(&mut View) -> T,
) -> Result<Option<T>, Failure> {
    let attempt = |mut view: View| {
        let answer = program(&mut view);
        std::future::ready((view, answer))
    };
    run(scope, kind, watched, attempt).await
}

/// Runs `attempt` (perhaps several times; only the last counts) and makes its effects happen.
/// None: one of the `watched` guards, which the caller brought along, no longer holds.
pub async fn run<T, F, Fut>(
    scope: &Scope<'_>,
    kind: Kind,
    watched: &[Guard],
    mut attempt: F,
) -> Result<Option<T>, Failure>
where
    F: FnMut(View) -> Fut,
    Fut: Future<Output = (View, T)>,
{
    let reader = scope.reader;
    let mut contest = Contest::new(scope, queued_keys(scope, kind));
    let mut known = Known::new(scope.passed);
    let mut gathers = scope.gathers;
    if known.now.is_none() && (kind != Kind::Write || !watched.is_empty()) {
        known.now = Some(barrier(scope.node, contest.deadline).await?);
    }
    loop {
        let start = contest.enter().await?;
        if !std::mem::take(&mut gathers) {
            known.now = start.passed.or(known.now);
        }
        let began = Instant::now();
        let (view, answer) = attempt(known.view(scope)).await;
        let effects = view.into_effects();
        let deadline = contest.deadline;
        if let Some(asked) = effects.asks {
            // Nobody waits for what members tell, who may be far away or gone.
            drop(start.place);
            contest.leave();
            known.ask(scope.node, asked, deadline).await;
            continue;
        }
        if effects.looked_at_time && known.now.is_none() {
            // This member's own idea of the time may be old.
            known.now = Some(barrier(scope.node, deadline).await?);
            continue;
        }
        let (guards, ops) = (effects.guards, effects.ops);
        let lost = Lost::of(began, &guards, &ops);
        let end = if ops.is_empty() {
            drop(start.place);
            let is_fresh = known.now.is_some();
            if !is_fresh && !guards.is_empty() {
                known.now = freshen(scope, &guards, deadline).await?;
            }
            judged(reader, kind, is_fresh, watched, &guards)
        } else if guards.is_torn() {
            End::Lost
        } else {
            let ops = ops.into_iter().chain(contest.end()).collect();
            let txn = guarded(with(watched, &guards), ops);
            let (end, passed) = write(scope, txn, watched, deadline).await?;
            drop(start.place);
            known.now = passed;
            end
        };
        match end {
            End::Lost => contest.lost(lost),
            End::Unwatched => return Ok(None),
            End::Done => {
                contest.done(lost.writes);
                change_cache(scope, effects.scripts, lost.writes, deadline).await?;
                return Ok(Some(answer));
            }
        }
    }
}

/// What runs are told of the world beside the state.
struct Known {
    /// The times of a barrier that was passed, if one was.
    now: Option<Now>,
    heard: Heard,
}

impl Known {
    fn new(now: Option<Now>) -> Known {
        let heard = Heard::default();
        Known { now, heard }
    }

    /// What a run begins with.
    fn view(&self, scope: &Scope<'_>) -> View {
        let times = scope.node.local_barrier().now;
        let times = self.now.map_or(times, |passed| passed.max(times));
        let (reader, keyspace) = (scope.reader.clone(), scope.keyspace.clone());
        View::new(reader, keyspace, scope.db, times).knowing(self.heard.clone())
    }

    /// Asks the members. An error is told to the program, which has half of the time left for it.
    async fn ask(&mut self, node: &Node, asked: Census, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        let told = node.census(asked.clone(), deadline - left / 2).await;
        self.heard.add(asked, told);
    }
}

/// What a run has come to.
enum End {
    Done,
    /// What was watched has changed: it is not tried again.
    Unwatched,
    /// Others have changed what it has read.
    Lost,
}

/// Of a run without effects: it is done if all it has read was there at one instant, behind a
/// barrier.
fn judged(
    reader: &Arc<dyn Reader>,
    kind: Kind,
    is_fresh: bool,
    watched: &[Guard],
    guards: &Guards,
) -> End {
    if !reader.hold(watched) {
        return End::Unwatched;
    }
    let one_instant = kind == Kind::WeakRead || guards.is_single_read();
    let at_once = is_fresh && one_instant && watched.is_empty();
    match at_once || !guards.is_torn() && reader.hold(&with(watched, guards)) {
        true => End::Done,
        false => End::Lost,
    }
}

/// Makes effects happen, unless a guard fails; with the times of the entry that said so.
async fn write(
    scope: &Scope<'_>,
    txn: Txn,
    watched: &[Guard],
    deadline: Instant,
) -> Result<(End, Option<Now>), Failure> {
    let Some(index) = propose(scope, txn, deadline).await? else {
        return Ok((End::Done, None));
    };
    scope.node.applied(index, deadline).await?;
    let end = match watched.is_empty() || scope.reader.hold(watched) {
        true => End::Lost,
        false => End::Unwatched,
    };
    let barrier = scope.node.barrier_of(index);
    Ok((end, barrier.map(|barrier| barrier.now)))
}

/// The keys a program queues for. Reads wait for nobody.
fn queued_keys(scope: &Scope<'_>, kind: Kind) -> BTreeSet<Bytes> {
    let full = |key: &Bytes| scope.keyspace.key(scope.db, key);
    match kind {
        Kind::Write => scope.keys.iter().map(full).collect(),
        Kind::Read | Kind::WeakRead => BTreeSet::new(),
    }
}

fn guarded(guards: Vec<Guard>, then: Vec<Op>) -> Txn {
    Txn {
        guards,
        then,
        ..Txn::default()
    }
}

/// None when the txn's effects happened, else the index of the entry that refused them.
async fn propose(scope: &Scope<'_>, txn: Txn, deadline: Instant) -> Result<Option<Index>, Failure> {
    let reply = scope
        .node
        .propose(scope.principal, Command::Txn(txn), deadline)
        .await?;
    match reply.applied.outcome {
        Ok(Outcome::Txn(outcome)) if outcome.succeeded => Ok(None),
        Ok(_) => Ok(Some(reply.index)),
        Err(refusal) => Err(Failure::Refused(refusal)),
    }
}

/// Changes the cache of scripts as the program did that counts, once it does: no run that comes
/// after a lost one may see it. A script that does not get there is sent again by its client
/// (NOSCRIPT), so that is nobody's failure.
///
/// # Errors
/// The cache could not be emptied; `Unknown` if the program's other effects have happened.
async fn change_cache(
    scope: &Scope<'_>,
    changes: CacheChanges,
    has_written: bool,
    deadline: Instant,
) -> Result<(), NodeError> {
    let propose = |change: ScriptCommand| {
        let is_flush = change == ScriptCommand::Flush;
        let command = Command::Script(change);
        let proposed = scope.node.propose(scope.principal, command, deadline);
        async move { (is_flush, proposed.await) }
    };
    // The node keeps their order.
    for (is_flush, proposed) in join_all(changes.into_commands().map(propose)).await {
        match proposed {
            Ok(_) => {}
            Err(_) if is_flush && has_written => return Err(NodeError::Unknown),
            Err(error) if is_flush => return Err(error),
            Err(error) => tracing::debug!(%error, "a script was not kept"),
        }
    }
    Ok(())
}

/// Passes a barrier for what was read here. A script that touched no key needs no quorum: without a
/// leader it counts by the cache of scripts as this member knows it.
async fn freshen(
    scope: &Scope<'_>,
    guards: &Guards,
    deadline: Instant,
) -> Result<Option<Now>, NodeError> {
    match barrier(scope.node, deadline).await {
        Err(NodeError::NoLeader) if guards.is_of_kept_scripts() => Ok(None),
        passed => passed.map(Some),
    }
}

/// Passes a barrier: what is read after it is not older than this call.
pub async fn barrier(node: &Node, deadline: Instant) -> Result<Now, NodeError> {
    Ok(node.barrier(deadline).await?.now)
}

fn with(watched: &[Guard], guards: &Guards) -> Vec<Guard> {
    let mut all = watched.to_vec();
    all.extend(guards.to_tests());
    all
}
