//! How a program gets through beside others who write what it reads. First it tries, in its place
//! among those of this member that name the same keys. When it has been disturbed twice, or once if
//! that costs much, it asks for a turn, in which members hold back what could disturb it. What only
//! reads tries more often: that costs a few reads, a turn holds up everybody.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use quorate_core::command::Op;
use quorate_core::node::Turn;
use quorate_core::outcome::NodeError;
use quorate_core::types::Now;
use tokio::time::{Instant, timeout_at};

use super::contended::Cost;
use super::guards::Guards;
use super::key_queues::Place;
use super::run::Scope;

/// Runs with effects that are lost before a turn is asked for, and runs without.
const LOSSES_MAX: u32 = 2;
const READS_LOST_MAX: u32 = 20;
/// What runs for longer is not to be lost twice.
const LITTLE_TIME_MAX: Duration = Duration::from_millis(5);
/// How long a turn may take to come: others have theirs before.
const TURN_WAIT_MAX: Duration = Duration::from_secs(60);

pub(super) struct Contest<'a> {
    scope: &'a Scope<'a>,
    /// The keys that it queues for.
    keys: BTreeSet<Bytes>,
    cost: Cost,
    losses: u32,
    reads_lost: u32,
    turn: Option<Turn>,
    /// What a run and all that belongs to it may take, once nobody is waited for.
    allowance: Duration,
    /// The end of the call, as things stand.
    pub deadline: Instant,
}

/// What a run begins with.
pub(super) struct Start<'a> {
    /// Kept while it runs.
    pub place: Option<Place<'a>>,
    /// The times of the entry by which a turn was asked for, if one has come.
    pub passed: Option<Now>,
}

/// A run that was for nothing.
pub(super) struct Lost {
    pub took: Duration,
    pub looked_for_names: bool,
    pub writes: bool,
}

impl Lost {
    /// Should it be: a run that began then.
    pub fn of(began: Instant, guards: &Guards, ops: &[Op]) -> Lost {
        Lost {
            took: began.elapsed(),
            looked_for_names: guards.has_ranges(),
            writes: !ops.is_empty(),
        }
    }
}

impl<'a> Contest<'a> {
    pub fn new(scope: &'a Scope<'a>, keys: BTreeSet<Bytes>) -> Contest<'a> {
        let lately = scope.contended.recall(scope.what, Instant::now());
        Contest {
            scope,
            keys,
            cost: lately.unwrap_or(Cost::Little),
            losses: lately.map_or(0, |_| LOSSES_MAX),
            reads_lost: 0,
            turn: None,
            allowance: scope.deadline.saturating_duration_since(Instant::now()),
            deadline: scope.deadline,
        }
    }

    /// Waits until a run may begin.
    ///
    /// # Errors
    /// `Timeout`, or as the log has it.
    pub async fn enter(&mut self) -> Result<Start<'a>, NodeError> {
        if Instant::now() >= self.deadline {
            return Err(NodeError::Timeout);
        }
        if self.has_turn() {
            return Ok(Start {
                place: None,
                passed: None,
            });
        }
        // One that was lost, as nobody heard of this member, has no end to be told.
        self.turn = None;
        if self.needs_turn()
            && let Some(passed) = self.take_turn().await?
        {
            return Ok(Start {
                place: None,
                passed,
            });
        }
        let queueing = timeout_at(self.deadline, self.scope.queues.take(&self.keys));
        let place = queueing.await.map_err(|_| NodeError::Timeout)?;
        Ok(Start {
            place: Some(place),
            passed: None,
        })
    }

    /// None if no turn will come, as for too many that wait.
    async fn take_turn(&mut self) -> Result<Option<Option<Now>>, NodeError> {
        let node = self.scope.node;
        let patience = Instant::now() + TURN_WAIT_MAX;
        let Some(turn) = node.turn(self.scope.principal, patience).await? else {
            return Ok(None);
        };
        self.deadline = Instant::now() + self.allowance;
        if self.cost == Cost::Much {
            turn.settle(self.deadline).await?;
        }
        let barrier = node.barrier_of(turn.asked());
        self.turn = Some(turn);
        Ok(Some(barrier.map(|barrier| barrier.now)))
    }

    /// Lets others go on; a turn has to be asked for anew.
    pub fn leave(&mut self) {
        self.turn = None;
    }

    fn has_turn(&self) -> bool {
        self.turn.as_ref().is_some_and(Turn::is_on)
    }

    fn needs_turn(&self) -> bool {
        let is_dear = self.cost == Cost::Much && self.losses + self.reads_lost > 0;
        is_dear || self.losses >= LOSSES_MAX || self.reads_lost >= READS_LOST_MAX
    }

    /// What ends the turn with the run's effects, if it has one.
    pub fn end(&self) -> Option<Op> {
        self.turn.as_ref().map(Turn::end)
    }

    /// The run counts. With its effects, if it has any, the turn has ended.
    pub fn done(mut self, writes: bool) {
        if let Some(turn) = self.turn.take().filter(|_| writes) {
            turn.ended();
        }
    }

    /// Others have disturbed a run that took so long.
    pub fn lost(&mut self, run: Lost) {
        self.scope.retries.fetch_add(1, Ordering::Relaxed);
        match run.writes {
            true => self.losses += 1,
            false => self.reads_lost += 1,
        }
        if run.looked_for_names || run.took > LITTLE_TIME_MAX {
            self.cost = Cost::Much;
        }
        if self.needs_turn() {
            let (what, now) = (self.scope.what, Instant::now());
            self.scope.contended.note(what, self.cost, now);
        }
    }
}
