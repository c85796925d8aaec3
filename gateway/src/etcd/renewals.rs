//! Keep-alives of all streams of a thread, coalesced: one proposal renews up to a thousand leases.
//!
//! The first renewal goes at once; while it is under way the next ones gather, as many as come. A
//! renewal is idempotent, so that it is proposed again when a leader is lost on the way, until its
//! deadline, or until it is known that nobody leads.

use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::Duration;

use dashmap::DashMap;
use quorate_core::command::{Command, LeaseCommand};
use quorate_core::limits::RENEWALS_PER_ENTRY_MAX;
use quorate_core::node::Node;
use quorate_core::outcome::{NodeError, Outcome};
use quorate_core::types::{LeaseId, Principal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

/// How long renewals gather at most: one proposal that hangs does not hold up the others.
const GATHER_MAX: Duration = Duration::from_millis(50);

/// Renewals of a thread that wait to be gathered; beyond, streams wait.
const WAITING_MAX: usize = 16 * RENEWALS_PER_ENTRY_MAX;

/// Before a renewal that was not proposed is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// The TTL in milliseconds, None for a lease that is not there.
pub type Renewed = Result<Option<u64>, NodeError>;

struct Waiting {
    lease: LeaseId,
    answer: oneshot::Sender<Renewed>,
}

/// The ways of all threads into the log; cheap to clone.
#[derive(Clone)]
pub struct Renewals {
    proposer: Proposer,
    lanes: Arc<DashMap<ThreadId, Lane>>,
}

/// Where the streams of one thread put their keep-alives, so that none wakes another thread.
#[derive(Clone)]
pub struct Lane {
    waiting: mpsc::Sender<Waiting>,
}

impl Renewals {
    /// Each try ends after `try_timeout`, all of them after `timeout`.
    pub fn new(node: Node, try_timeout: Duration, timeout: Duration) -> Renewals {
        let proposer = Proposer {
            node,
            try_timeout,
            timeout,
        };
        Renewals {
            proposer,
            lanes: Arc::default(),
        }
    }

    /// The lane of the calling thread; its task runs on the current runtime.
    pub fn lane(&self) -> Lane {
        let lane = self.lanes.entry(thread::current().id());
        lane.or_insert_with(|| {
            let (waiting, queue) = mpsc::channel(WAITING_MAX);
            tokio::spawn(gather(queue, self.proposer.clone()));
            Lane { waiting }
        })
        .clone()
    }
}

impl Lane {
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
    while queue.recv_many(&mut batch, RENEWALS_PER_ENTRY_MAX).await > 0 {
        let (proposer, batch) = (proposer.clone(), std::mem::take(&mut batch));
        let under_way = tokio::spawn(async move { proposer.run(batch).await });
        // However it ends, the next may go.
        drop(timeout(GATHER_MAX, under_way).await);
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
                Err(error @ (NodeError::Stopped | NodeError::NoLeader)) => return Err(error),
                Err(error) => error,
            };
            if Instant::now() + RETRY_PAUSE >= end {
                return Err(error);
            }
            sleep(RETRY_PAUSE).await;
        }
    }
}
