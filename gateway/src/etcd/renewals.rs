//! Keep-alives of all streams, coalesced: one log entry renews up to a thousand leases.
//!
//! The first renewal after a quiet time goes at once; while others come, an entry goes every 5 ms
//! or when it is full. A renewal is idempotent, so that it is proposed again when a leader is lost
//! on the way, until its deadline.

use std::time::Duration;

use quorate_core::command::{Command, LeaseCommand};
use quorate_core::limits::RENEWALS_PER_ENTRY_MAX;
use quorate_core::node::Node;
use quorate_core::outcome::{NodeError, Outcome};
use quorate_core::types::{LeaseId, Principal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

/// Between two entries of renewals.
const GATHER: Duration = Duration::from_millis(5);

/// Renewals that wait to be gathered; beyond, streams wait.
const WAITING_MAX: usize = 16 * RENEWALS_PER_ENTRY_MAX;

/// Before a renewal that was not proposed is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// The TTL in milliseconds, None for a lease that is not there.
pub type Renewed = Result<Option<u64>, NodeError>;

struct Waiting {
    lease: LeaseId,
    answer: oneshot::Sender<Renewed>,
}

/// Where streams put their keep-alives; cheap to clone.
#[derive(Clone)]
pub struct Renewals {
    waiting: mpsc::Sender<Waiting>,
}

impl Renewals {
    /// Starts the gathering task on the current runtime.
    pub fn start(node: Node, try_timeout: Duration, timeout: Duration) -> Renewals {
        let (waiting, queue) = mpsc::channel(WAITING_MAX);
        let proposer = Proposer {
            node,
            try_timeout,
            timeout,
        };
        tokio::spawn(gather(queue, proposer));
        Renewals { waiting }
    }

    /// Puts a renewal in line; the answer comes by the receiver.
    pub async fn renew(&self, lease: LeaseId) -> oneshot::Receiver<Renewed> {
        let (answer, receiver) = oneshot::channel();
        // A closed queue drops the sender, which the receiver sees as stopped.
        drop(self.waiting.send(Waiting { lease, answer }).await);
        receiver
    }
}

async fn gather(mut queue: mpsc::Receiver<Waiting>, proposer: Proposer) {
    let mut batch = Vec::new();
    let mut next = Instant::now();
    while queue.recv_many(&mut batch, RENEWALS_PER_ENTRY_MAX).await > 0 {
        let quiet = Instant::now() < next;
        if quiet && batch.len() < RENEWALS_PER_ENTRY_MAX {
            fill(&mut queue, &mut batch, next).await;
        }
        next = Instant::now() + GATHER;
        let (proposer, batch) = (proposer.clone(), std::mem::take(&mut batch));
        tokio::spawn(async move { proposer.run(batch).await });
    }
}

/// Takes what comes until the time is up or the entry is full.
async fn fill(queue: &mut mpsc::Receiver<Waiting>, batch: &mut Vec<Waiting>, until: Instant) {
    while batch.len() < RENEWALS_PER_ENTRY_MAX {
        let room = RENEWALS_PER_ENTRY_MAX - batch.len();
        tokio::select! {
            taken = queue.recv_many(batch, room) => if taken == 0 { return },
            () = sleep_until(until) => return,
        }
    }
}

#[derive(Clone)]
struct Proposer {
    node: Node,
    try_timeout: Duration,
    timeout: Duration,
}

impl Proposer {
    async fn run(&self, batch: Vec<Waiting>) {
        let leases = batch.iter().map(|waiting| waiting.lease).collect();
        let renewed = self.propose(leases).await;
        for (position, waiting) in batch.into_iter().enumerate() {
            let answer = match &renewed {
                Ok(ttls) => Ok(ttls.get(position).copied().flatten()),
                Err(error) => Err(error.clone()),
            };
            // The stream may be gone; then nobody asks.
            drop(waiting.answer.send(answer));
        }
    }

    async fn propose(&self, leases: Vec<LeaseId>) -> Result<Vec<Option<u64>>, NodeError> {
        let end = Instant::now() + self.timeout;
        let command = Command::Lease(LeaseCommand::Renew(leases));
        loop {
            let deadline = (Instant::now() + self.try_timeout).min(end);
            let principal = Principal::default();
            let error = match self
                .node
                .propose(&principal, command.clone(), deadline)
                .await
            {
                Ok(reply) => match reply.applied.outcome {
                    Ok(Outcome::LeaseRenewed(ttls)) => return Ok(ttls),
                    other => {
                        tracing::error!(outcome = ?other, "renewals were not answered as such");
                        return Err(NodeError::Unknown);
                    }
                },
                Err(NodeError::Stopped) => return Err(NodeError::Stopped),
                Err(error) => error,
            };
            if Instant::now() + RETRY_PAUSE >= end {
                return Err(error);
            }
            sleep(RETRY_PAUSE).await;
        }
    }
}
