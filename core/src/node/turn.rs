//! Taking a turn: asked for through the log, held while it is used, ended when it is dropped.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::core::Core;
use crate::command::{Command, Op, TurnId, TurnOp, TurnStep};
use crate::outcome::NodeError;
use crate::types::{Index, Principal};

/// How often whoever has a turn says that it goes on.
const GO_ON_INTERVAL: Duration = Duration::from_millis(250);
/// After so long without a word of it, or after the time in which a leader may be silent, a turn is
/// given up.
const SILENCE_MAX: Duration = Duration::from_secs(1);
/// What the word that it has ended may take. Then the silence tells it.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// A turn that has come: until it ends, members hold back what could disturb it.
pub struct Turn {
    core: Arc<Core>,
    id: TurnId,
    principal: Principal,
    /// Where its end is told.
    runtime: Handle,
    /// Of the entry that asked for it.
    asked: Index,
    /// Says that it goes on.
    going: Option<AbortHandle>,
    /// Nothing is left to be said of it.
    is_over: bool,
}

impl Turn {
    /// Asks for a turn and waits until it comes. Whoever stops waiting has ended it. None if it
    /// won't come: too many wait, or this member was not heard of.
    ///
    /// # Errors
    /// See `NodeError`.
    pub(super) async fn take(
        core: &Arc<Core>,
        principal: &Principal,
        deadline: Instant,
    ) -> Result<Option<Turn>, NodeError> {
        let (id, comes) = core.replica.turns.expect();
        let mut turn = Turn {
            core: core.clone(),
            id,
            principal: principal.clone(),
            runtime: Handle::current(),
            asked: 0,
            going: None,
            is_over: false,
        };
        match turn.propose(TurnStep::Ask, deadline).await {
            Ok(index) => turn.asked = index,
            Err(error) => {
                turn.is_over = error != NodeError::Unknown;
                return Err(error);
            }
        }
        match timeout_at(deadline, comes).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ok(None),
            Err(_) => return Err(NodeError::Timeout),
        }
        let going = tokio::spawn(go_on(turn.core.clone(), principal.clone(), id));
        turn.going = Some(going.abort_handle());
        Ok(Some(turn))
    }

    /// The entry by which it was asked for: what was acknowledged before lies before it.
    pub fn asked(&self) -> Index {
        self.asked
    }

    /// Whether it is still this one's turn, as far as this member knows.
    pub fn is_on(&self) -> bool {
        self.core.replica.turns.gate().head == Some(self.id)
    }

    /// The last op of a txn that ends the turn if it is done.
    pub fn end(&self) -> Op {
        Op::Turn(TurnOp {
            id: self.id,
            step: TurnStep::End,
        })
    }

    /// That txn was done.
    pub fn ended(mut self) {
        self.is_over = true;
    }

    /// Waits until what others had proposed before they heard of the turn is applied, mostly: what
    /// goes through the log now comes behind it; and once more, since the others hear of the turn
    /// up to a round trip after its own member.
    ///
    /// # Errors
    /// See `NodeError`.
    pub async fn settle(&self, deadline: Instant) -> Result<(), NodeError> {
        self.propose(TurnStep::GoOn, deadline).await?;
        if !self.core.is_sole_voter() {
            self.propose(TurnStep::GoOn, deadline).await?;
        }
        Ok(())
    }

    async fn propose(&self, step: TurnStep, deadline: Instant) -> Result<Index, NodeError> {
        let command = Command::from(TurnOp { id: self.id, step });
        let submitting = self.core.submit(self.principal.clone(), command, deadline);
        Ok(submitting.await?.index)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.core.replica.turns.forget(self.id);
        if let Some(going) = &self.going {
            going.abort();
        }
        if self.is_over {
            return;
        }
        let end = TurnOp {
            id: self.id,
            step: TurnStep::End,
        };
        let (core, principal) = (self.core.clone(), self.principal.clone());
        self.runtime.spawn(async move {
            let deadline = Instant::now() + END_TIMEOUT;
            drop(core.submit(principal, end.into(), deadline).await);
        });
    }
}

async fn go_on(core: Arc<Core>, principal: Principal, id: TurnId) {
    let step = TurnOp {
        id,
        step: TurnStep::GoOn,
    };
    loop {
        tokio::time::sleep(GO_ON_INTERVAL).await;
        let deadline = Instant::now() + SILENCE_MAX;
        let submitting = core.submit(principal.clone(), step.into(), deadline);
        // It is said again.
        drop(submitting.await);
    }
}

/// Gives up turns of which nothing is heard. Runs until the node stops.
pub(crate) async fn run(core: Arc<Core>) {
    let turns = &core.replica.turns;
    let mut gate = turns.subscribe();
    loop {
        let Some(heard) = turns.silent_since() else {
            // The sender lives as long as the core.
            drop(gate.changed().await);
            continue;
        };
        let patience = SILENCE_MAX.max(core.pulse.election_timeout());
        tokio::time::sleep_until(heard + patience).await;
        if turns.silent_since() == Some(heard) {
            tracing::debug!(target: "raft", "a turn was given up");
            turns.give_up(heard, Instant::now());
        }
    }
}
