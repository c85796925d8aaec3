//! The linearizable read barrier: one round confirms leadership for all reads that wait. A member
//! that can't confirm fails the read.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes};
use openraft::raft::ReadPolicy;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::Core;
use super::api::Barrier;
use super::proposer::Route;
use crate::command::Command;
use crate::outcome::NodeError;
use crate::peer::Kind;
use crate::raft::wire;
use crate::types::{ClusterMillis, MemberId, UnixMillis};

/// Reads waiting at once.
const READS_MAX: usize = 50_000;
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

type Waiter = (Instant, oneshot::Sender<Result<Barrier, NodeError>>);

/// Reads that wait for the next round.
#[derive(Default)]
pub(crate) struct Barriers {
    waiting: Mutex<Vec<Waiter>>,
    added: Notify,
}

impl Barriers {
    pub(crate) async fn wait(&self, deadline: Instant) -> Result<Barrier, NodeError> {
        let receiver = self.enter(deadline)?;
        match tokio::time::timeout_at(deadline, receiver).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(NodeError::Stopped),
            Err(_) => Err(NodeError::Timeout),
        }
    }
}

impl Barriers {
    fn enter(
        &self,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Result<Barrier, NodeError>>, NodeError> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        if waiting.len() >= READS_MAX {
            return Err(NodeError::Overloaded);
        }
        waiting.push((deadline, sender));
        if waiting.len() == 1 {
            self.added.notify_one();
        }
        Ok(receiver)
    }
}

/// Runs the rounds until the node stops. A read that arrives during a round waits for the next.
pub(crate) async fn run(core: Arc<Core>) {
    loop {
        while core.barriers.waiting.lock().is_empty() {
            core.barriers.added.notified().await;
        }
        let round = std::mem::take(&mut *core.barriers.waiting.lock());
        match confirm(&core).await {
            Ok(barrier) => {
                for (_, sender) in round {
                    drop(sender.send(Ok(barrier)));
                }
            }
            Err(error) => {
                retry_later(&core, round, &error);
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
        }
    }
}

/// Reads are retried across leader changes until their own deadline.
fn retry_later(core: &Core, round: Vec<Waiter>, error: &NodeError) {
    let now = Instant::now();
    let mut waiting = core.barriers.waiting.lock();
    for (deadline, sender) in round {
        if deadline > now && !sender.is_closed() {
            waiting.push((deadline, sender));
        } else {
            drop(sender.send(Err(error.clone())));
        }
    }
}

async fn confirm(core: &Arc<Core>) -> Result<Barrier, NodeError> {
    match core.route() {
        Route::Here(_) => confirm_here(core).await,
        Route::To(view) => {
            let barrier = ask(core, view.leader).await?;
            core.replica.wait_applied(barrier.index).await;
            Ok(barrier)
        }
        Route::Nowhere => Err(NodeError::NoLeader),
    }
}

/// On the leader: proves leadership now, waits for what it has committed, and ends the lives that
/// are due, so that no read sees a key whose time has passed.
async fn confirm_here(core: &Arc<Core>) -> Result<Barrier, NodeError> {
    let confirming = core.raft.get_read_linearizer(ReadPolicy::ReadIndex);
    let linearizer = tokio::time::timeout(core.election_timeout, confirming)
        .await
        .map_err(|_| NodeError::Timeout)?
        .map_err(|_| NodeError::NoLeader)?;
    let mut index = linearizer.read_log_id().index();
    core.replica.wait_applied(index).await;
    let Route::Here(stamp) = core.route() else {
        return Err(NodeError::NoLeader);
    };
    let due = core.replica.glance().next_deadline;
    if due.is_some_and(|due| due <= stamp.clock) {
        let deadline = Instant::now() + core.election_timeout;
        let reply = core
            .submit(Default::default(), Command::Tick, deadline)
            .await?;
        index = index.max(reply.index);
        core.replica.wait_applied(index).await;
    }
    Ok(Barrier {
        index,
        term: stamp.term,
        clock: stamp.clock,
        wall: stamp.wall,
    })
}

async fn ask(core: &Arc<Core>, leader: MemberId) -> Result<Barrier, NodeError> {
    let link = core.link_to(leader).ok_or(NodeError::NoLeader)?;
    let answer = link
        .call(Kind::Barrier, Bytes::new(), core.election_timeout)
        .await;
    let mut answer = answer.map_err(|_| NodeError::NoLeader)?;
    decode(&mut answer).map_err(|_| NodeError::NoLeader)
}

fn decode(answer: &mut Bytes) -> std::io::Result<Barrier> {
    Ok(Barrier {
        index: wire::get_u64(answer)?,
        term: wire::get_u64(answer)?,
        clock: ClusterMillis(wire::get_u64(answer)?),
        wall: UnixMillis(wire::get_u64(answer)?),
    })
}

/// The leader's answer to another member; empty when it can't confirm.
pub(crate) async fn answer(core: &Arc<Core>) -> Bytes {
    let deadline = Instant::now() + core.election_timeout;
    let Route::Here(_) = core.route() else {
        return Bytes::new();
    };
    let Ok(barrier) = core.barriers.wait(deadline).await else {
        return Bytes::new();
    };
    let mut out = Vec::with_capacity(32);
    out.put_u64_le(barrier.index);
    out.put_u64_le(barrier.term);
    out.put_u64_le(barrier.clock.0);
    out.put_u64_le(barrier.wall.0);
    out.into()
}
