//! The linearizable read barrier: one round confirms leadership for all reads that wait. A member
//! that can't confirm fails the read.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use openraft::RaftState;
use openraft::async_runtime::WatchReceiver;
use tokio::time::Instant;

use super::api::Barrier;
use super::barriers::Waiter;
use super::core::{Core, Route};
use super::elector;
use super::window::View;
use crate::outcome::NodeError;
use crate::peer::Kind;
use crate::raft::{TypeConfig, wire};
use crate::types::{ClusterMillis, Index, MemberId, Now, Term, UnixMillis};

const RETRY_INTERVAL: Duration = Duration::from_millis(10);
/// Rounds under way at once.
const ROUNDS_MAX: usize = 16;
/// How long a leader tries for another member, which asks again.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Runs the rounds until the node stops. A read that arrives during a round waits for the next,
/// which begins when that one has ended, or after a part of a round trip: members that are far
/// apart have several under way, so that no read waits for two.
pub(crate) async fn run(core: Arc<Core>) {
    let mut rounds = FuturesUnordered::new();
    let mut next = Instant::now();
    loop {
        let may_begin = rounds.is_empty() || (rounds.len() < ROUNDS_MAX && next <= Instant::now());
        tokio::select! {
            biased;
            Some(()) = rounds.next() => {}
            () = core.barriers.filled(), if may_begin => {
                let reads = core.barriers.take();
                rounds.push(round(&core, reads));
                next = Instant::now() + core.pulse.spacing();
            }
            () = tokio::time::sleep_until(next), if !may_begin && rounds.len() < ROUNDS_MAX => {}
        }
    }
}

async fn round(core: &Arc<Core>, reads: Vec<Waiter>) {
    let last = reads.iter().map(|(deadline, _)| *deadline).max();
    let deadline = last.unwrap_or_else(Instant::now);
    let confirmed = tokio::select! {
        biased;
        () = core.pulse.leaderless() => Err(NodeError::NoLeader),
        confirmed = confirm(core, deadline) => confirmed,
        () = tokio::time::sleep_until(deadline) => Err(NodeError::Timeout),
    };
    match confirmed {
        Ok(barrier) => {
            for (_, sender) in reads {
                drop(sender.send(Ok(barrier)));
            }
        }
        Err(error) => {
            tokio::time::sleep(RETRY_INTERVAL).await;
            retry(core, reads, &error);
        }
    }
}

/// Reads are retried across leader changes until their own deadline, or until it is known that
/// nobody leads.
fn retry(core: &Core, reads: Vec<Waiter>, error: &NodeError) {
    let (now, is_leaderless) = (Instant::now(), core.pulse.is_leaderless());
    let (again, over): (Vec<_>, Vec<_>) = reads
        .into_iter()
        .partition(|(deadline, sender)| *deadline > now && !sender.is_closed() && !is_leaderless);
    core.barriers.put_back(again);
    for (_, sender) in over {
        drop(sender.send(Err(error.clone())));
    }
}

async fn confirm(core: &Arc<Core>, deadline: Instant) -> Result<Barrier, NodeError> {
    match core.route() {
        Route::Here(stamp) => confirm_here(core, stamp.term).await,
        Route::To(view) => {
            let asking = unless_another_leads(core, view, ask(core, view.leader, deadline));
            let barrier = asking.await.ok_or(NodeError::NoLeader)??;
            core.replica.wait_applied(barrier.index).await;
            Ok(barrier)
        }
        Route::Nowhere => Err(NodeError::NoLeader),
    }
}

/// On the leader: proves by a beat that it leads now, waits for what it has committed, and ends the
/// lives that are due, so that no read sees a key whose time has passed.
async fn confirm_here(core: &Arc<Core>, term: Term) -> Result<Barrier, NodeError> {
    let beat = elector::beat(core, term).ok_or(NodeError::NoLeader)?;
    let mut index = committed(core, term).await?;
    let view = View {
        term,
        leader: core.header.member,
    };
    let confirmed = unless_another_leads(core, view, core.pulse.confirmed(beat));
    confirmed.await.ok_or(NodeError::NoLeader)?;
    core.replica.wait_applied(index).await;
    let Route::Here(stamp) = core.route() else {
        return Err(NodeError::NoLeader);
    };
    if core.replica.glance().first_ends.is_due(stamp.now()) {
        core.ends_wanted.notify_one();
        let ended = unless_another_leads(core, view, core.replica.wait_ended(stamp.now()));
        index = index.max(ended.await.ok_or(NodeError::NoLeader)?);
    }
    Ok(Barrier {
        index,
        term: stamp.term,
        now: stamp.now(),
    })
}

/// What this member, leading in `term`, has committed. The blank entry of the term is a part of
/// it, so it holds all that was acknowledged before.
async fn committed(core: &Core, term: Term) -> Result<Index, NodeError> {
    let look = |state: &RaftState<TypeConfig>| {
        let index = state.local_committed().map_or(0, |id| id.index());
        let leads = state.server_state.is_leader();
        (leads.then_some(state.vote_ref().leader_id.term), index)
    };
    let looked = core.raft.with_raft_state(look).await;
    let (leads_in, index) = looked.map_err(|_| NodeError::Stopped)?;
    match leads_in == Some(term) {
        true => Ok(index),
        false => Err(NodeError::NoLeader),
    }
}

/// Waits for what a leader is to answer; gives up, with none, once somebody else leads.
async fn unless_another_leads<T>(
    core: &Core,
    view: View,
    answer: impl Future<Output = T>,
) -> Option<T> {
    let mut leaders = core.leaders.clone();
    let another_leads = leaders.wait_until(|server| {
        let led = (server.vote.leader_id.term, server.vote.leader_id.voted_for);
        server.vote.committed && led != (view.term, view.leader)
    });
    tokio::select! {
        biased;
        answer = answer => Some(answer),
        _ = another_leads => None,
    }
}

async fn ask(core: &Arc<Core>, leader: MemberId, deadline: Instant) -> Result<Barrier, NodeError> {
    let link = core.link_to(leader).ok_or(NodeError::NoLeader)?;
    let timeout = deadline.saturating_duration_since(Instant::now());
    let mut out = Vec::with_capacity(4);
    out.put_u32_le(u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX));
    let answer = link.call(Kind::Barrier, out.into(), timeout).await;
    let mut answer = answer.map_err(|_| NodeError::NoLeader)?;
    decode(&mut answer).map_err(|_| NodeError::NoLeader)
}

fn decode(answer: &mut Bytes) -> std::io::Result<Barrier> {
    Ok(Barrier {
        index: wire::get_u64(answer)?,
        term: wire::get_u64(answer)?,
        now: Now {
            clock: ClusterMillis(wire::get_u64(answer)?),
            wall: UnixMillis(wire::get_u64(answer)?),
        },
    })
}

/// The leader's answer to another member; empty when it can't confirm.
pub(crate) async fn answer(core: &Arc<Core>, timeout: Duration) -> Bytes {
    let deadline = Instant::now() + timeout.min(ANSWER_MAX);
    let Route::Here(_) = core.route() else {
        return Bytes::new();
    };
    let Ok(barrier) = core.barriers.wait(deadline).await else {
        return Bytes::new();
    };
    let mut out = Vec::with_capacity(32);
    out.put_u64_le(barrier.index);
    out.put_u64_le(barrier.term);
    out.put_u64_le(barrier.now.clock.0);
    out.put_u64_le(barrier.now.wall.0);
    out.into()
}
