//! `Node`: what front ends hold.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes};
use futures_util::future::join_all;
use openraft::async_runtime::WatchReceiver;
use tokio::time::Instant;

use super::api::{Barrier, Census, CensusError, EffectsListener, Listening, Member, Status, Wake};
use super::core::{Core, Route};
use super::counts::SyncTimes;
use super::replica::Glance;
use super::running::Running;
use super::turn::Turn;
use super::turns::TurnCounts;
use super::watcher::Watcher;
use crate::command::{Command, RangeOp};
use crate::limits::{COMMAND_BYTES_MAX, TXN_DEPTH_MAX};
use crate::outcome::{Applied, NodeError, RangeResult, Refusal, Reply};
use crate::peer::Kind;
use crate::raft::wire;
use crate::state::{self, State};
use crate::types::{Index, KeyRange, Principal, Revision};
use crate::versions::Rewritten;

/// Whether no member would decode it.
fn is_too_deep(command: &Command) -> bool {
    matches!(command, Command::Txn(txn) if txn.depth() > TXN_DEPTH_MAX)
}

/// Records that are sorted where they are asked for.
const FINISHED_HERE_MAX: usize = 4_096;

/// What a message to a member may take.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(1);

/// One member, cheap to clone.
#[derive(Clone)]
pub struct Node {
    pub(super) core: Arc<Core>,
    pub(super) running: Arc<Running>,
}

impl Node {
    /// Puts a command through the log; on any member. `deadline` bounds the whole call.
    ///
    /// # Errors
    /// See `NodeError`; only `Unknown` may have happened.
    pub async fn propose(
        &self,
        principal: &Principal,
        command: Command,
        deadline: Instant,
    ) -> Result<Reply, NodeError> {
        let refusal = if command.size_hint() > COMMAND_BYTES_MAX || is_too_deep(&command) {
            Some(Refusal::TooLarge)
        } else if self.core.versions().has_no_space() && state::needs_space(&command) {
            // It would wait for room on this member's disk. What makes room goes through.
            Some(Refusal::NoSpace)
        } else {
            state::authorize(principal, &command).err()
        };
        if let Some(refusal) = refusal {
            let barrier = self.local_barrier();
            let applied = Applied {
                revision: self.revision(),
                outcome: Err(refusal),
                past: Vec::new(),
            };
            return Ok(Reply {
                term: barrier.term,
                index: barrier.index,
                applied,
            });
        }
        self.core.submit(principal.clone(), command, deadline).await
    }

    /// Asks for a turn, in which members hold back what could disturb who has it, and waits until
    /// it comes. Turns come in the order in which they were asked for on all members. None if it
    /// won't come: too many wait, or this member was not heard of.
    ///
    /// # Errors
    /// See `NodeError`; whatever came of it changes nothing.
    pub async fn turn(
        &self,
        principal: &Principal,
        deadline: Instant,
    ) -> Result<Option<Turn>, NodeError> {
        Turn::take(&self.core, principal, deadline).await
    }

    /// Four round trips to the farthest member that answers, as the leader measures them, and what
    /// the longest of late took more.
    pub fn distance(&self) -> Duration {
        self.core.pulse.slack()
    }

    /// Turns of this member's clients.
    pub fn turn_counts(&self) -> TurnCounts {
        self.core.replica.turns.counts()
    }

    /// A linearizable read barrier: afterwards this member's state holds everything that was
    /// acknowledged anywhere before the call.
    ///
    /// # Errors
    /// If leadership could not be confirmed in time; `NoLeader` as soon as it is known that nobody
    /// leads.
    pub async fn barrier(&self, deadline: Instant) -> Result<Barrier, NodeError> {
        if let Some(barrier) = self.sole_voter_barrier() {
            return Ok(barrier);
        }
        match self.core.barriers.wait(deadline).await {
            Err(NodeError::Timeout) => Err(self.core.in_vain()),
            waited => waited,
        }
    }

    /// The only voter of its cluster needs to ask nobody: what it has acknowledged, it has
    /// applied. None when there are others, or something is due.
    fn sole_voter_barrier(&self) -> Option<Barrier> {
        if !self.core.is_sole_voter() {
            return None;
        }
        let Route::Here(stamp) = self.core.route() else {
            return None;
        };
        let glance = self.core.replica.glance();
        if glance.first_ends.is_due(stamp.now()) {
            return None;
        }
        Some(Barrier {
            index: glance.applied,
            term: stamp.term,
            now: stamp.now(),
        })
    }

    /// The barrier that an entry of the caller's own is once it is applied here: state then holds
    /// everything that was acknowledged before the entry was proposed. None while this member
    /// lags behind it, or while lives that are over by its time wait to be ended.
    pub fn barrier_of(&self, index: Index) -> Option<Barrier> {
        let glance = self.core.replica.glance();
        let is_due = glance.first_ends.is_due(glance.now);
        (glance.applied >= index && !is_due).then(|| self.barrier_at(glance))
    }

    /// The barrier's answer without asking anybody: for serializable reads.
    pub fn local_barrier(&self) -> Barrier {
        self.barrier_at(self.core.replica.glance())
    }

    fn barrier_at(&self, glance: Glance) -> Barrier {
        Barrier {
            index: glance.applied,
            term: self.core.metrics.borrow_watched().current_term,
            now: glance.now,
        }
    }

    /// A read of this member's state as it is, history included; call `barrier` first to be
    /// linearizable. The inner refusal is a compacted or future revision.
    ///
    /// # Errors
    /// If history can't be read.
    pub async fn range(&self, op: &RangeOp) -> Result<Result<RangeResult, Refusal>, NodeError> {
        if op.revision <= 0 {
            let found = self.read(|state| state.find(op));
            return self.finish(op, found).await.map(Ok);
        }
        let (replica, op) = (self.core.replica.clone(), op.clone());
        let reading = move || replica.range(&op);
        let versions = self.core.versions();
        versions
            .off_thread(reading)
            .await
            .map_err(|_| NodeError::Stopped)
    }

    /// Filters, sorts and cuts what a range of the present has found. It does not keep the state
    /// from anybody, nor, where it is much, this thread.
    ///
    /// # Errors
    /// `Stopped`.
    pub async fn finish(
        &self,
        op: &RangeOp,
        mut found: RangeResult,
    ) -> Result<RangeResult, NodeError> {
        if state::is_as_found(op) || found.kvs.len() <= FINISHED_HERE_MAX {
            state::finish(op, &mut found);
            return Ok(found);
        }
        let op = op.clone();
        let finishing = move || {
            state::finish(&op, &mut found);
            found
        };
        let finished = self.core.versions().off_thread(finishing).await;
        finished.map_err(|_| NodeError::Stopped)
    }

    /// Runs a short read on the state; it must not block.
    pub fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.core.replica.state.read())
    }

    /// The store's revision here and now.
    pub fn revision(&self) -> Revision {
        self.read(State::revision)
    }

    /// Waits until this member has applied `index`.
    ///
    /// # Errors
    /// `Timeout` when the deadline comes first.
    pub async fn applied(&self, index: Index, deadline: Instant) -> Result<(), NodeError> {
        let waiting = self.core.replica.wait_applied(index);
        tokio::time::timeout_at(deadline, waiting)
            .await
            .map_err(|_| NodeError::Timeout)
    }

    /// Waits until this member has deleted, durably, what compaction to `revision` hides. Bound it:
    /// a member that stops meanwhile doesn't answer.
    pub async fn compacted(&self, revision: Revision) {
        self.core.replica.versions.compacted(revision).await;
    }

    /// A watcher from `start` on (0: from the next revision), with the store's revision at that
    /// instant. `wake.wake(token)` is called on the apply thread when something of the range
    /// happens after the watcher had seen everything; be quick there.
    pub fn watch(
        &self,
        range: KeyRange,
        start: Revision,
        wake: Arc<dyn Wake>,
        token: u64,
    ) -> (Watcher, Revision) {
        let replica = self.core.replica.clone();
        let state = replica.state.read();
        let registration = replica.hub.register(range, wake, token);
        let revision = state.revision();
        drop(state);
        let next = if start <= 0 { revision + 1 } else { start };
        (Watcher::new(replica, registration, next), revision)
    }

    /// Registered watchers.
    pub fn watchers(&self) -> usize {
        self.core.replica.hub.watchers()
    }

    /// Shows all effects from now on to `listener`, in order, on the apply thread.
    pub fn on_effects(&self, listener: Arc<dyn EffectsListener>) {
        self.core.replica.hub.listen(listener);
    }

    /// Brings a message to the subscribers on all members, without the log; returns how many
    /// received it. A member that can't be reached has no subscribers that could be told; one that
    /// is known to be away is waited for no longer than a heartbeat.
    pub async fn publish(&self, channel: Bytes, payload: Bytes) -> u64 {
        let mut out = Vec::with_capacity(channel.len() + payload.len() + 16);
        wire::put_bytes(&mut out, &channel);
        wire::put_bytes(&mut out, &payload);
        out.put_u64_le(self.core.replica.applied_index());
        let out = Bytes::from(out);
        let own = self.core.header.member;
        let others = self
            .running
            .member_ids()
            .into_iter()
            .filter(|id| *id != own);
        let deliveries = others.map(|member| {
            let (link, out) = (self.core.link_to(member), out.clone());
            let heartbeat = self.core.pulse.patience.heartbeat;
            async move {
                let link = link?;
                let timeout = match link.is_away() {
                    true => heartbeat,
                    false => PUBLISH_TIMEOUT,
                };
                let answer = link.call(Kind::Publish, out, timeout).await;
                wire::get_u64(&mut answer.ok()?).ok()
            }
        });
        let elsewhere = join_all(deliveries);
        let here = self.core.deliver_here(&channel, &payload);
        here + elsewhere.await.into_iter().flatten().sum::<u64>()
    }

    /// Who listens, on all members together.
    ///
    /// # Errors
    /// If one of them can't be asked until `deadline`, or has too many names to tell.
    pub async fn census(&self, asked: Census, deadline: Instant) -> Result<Listening, CensusError> {
        self.core.count_everywhere(asked, deadline).await
    }

    /// The members, as replicated state knows them, in order of their ids.
    pub fn members(&self) -> Vec<Member> {
        self.running.members(&self.core)
    }

    pub fn status(&self) -> Status {
        self.running.status(&self.core)
    }

    /// Proposals made here: those that wait for their answers, and those that ended without an
    /// outcome since the start.
    pub fn proposals(&self) -> (u64, u64) {
        let proposals = &self.core.proposals;
        (proposals.pending(), proposals.failed())
    }

    /// How long syncing this member's log took.
    pub fn sync_times(&self) -> SyncTimes {
        SyncTimes::of(&self.core.log)
    }

    /// How far the member's wall clock that differs most is from the cluster's, in milliseconds,
    /// as the leader knows it; 0 on the others.
    pub fn wall_skew_ms(&self) -> u64 {
        let distances = self
            .core
            .leads_in()
            .map(|term| self.core.replica.clock.wall_distances(term));
        let distances = distances.unwrap_or_default();
        let farthest = distances.values().map(|distance| distance.unsigned_abs());
        farthest.max().unwrap_or_default()
    }

    /// Bytes that the store keeps here (`Status::bytes_kept`); waits for nothing.
    pub fn bytes_kept_now(&self) -> u64 {
        self.core.versions().kept_bytes()
    }

    /// Bytes that the store keeps here (`Status::bytes_kept`) once what was deleted before the call
    /// is gone from it. Bound it, as `compacted`.
    ///
    /// # Errors
    /// If the member stops.
    pub async fn bytes_kept(&self) -> Result<u64, NodeError> {
        self.compacted(self.read(State::compact_revision)).await;
        let versions = self.core.versions().clone();
        let flushing = move || versions.flush().map(|_| versions.sizes().kept);
        let kept = self.core.versions().off_thread(flushing).await;
        kept.ok().and_then(Result::ok).ok_or(NodeError::Stopped)
    }

    /// Writes the store's file anew, so that it is no larger than what it holds needs. What is
    /// applied meanwhile waits, as far as there is room.
    ///
    /// # Errors
    /// If the member stops.
    pub async fn rewrite_store(&self) -> Result<Rewritten, NodeError> {
        let versions = self.core.versions().clone();
        let rewriting = move || versions.rewrite();
        let rewritten = self.core.versions().off_thread(rewriting).await;
        let rewritten = rewritten.ok().and_then(Result::ok);
        rewritten.ok_or(NodeError::Stopped)
    }

    /// CRC32-C over the versions kept up to `revision` (0: the current), as etcd computes HashKV:
    /// the hash, the revision it is of, the compact revision.
    ///
    /// # Errors
    /// If the store can't be read; the inner refusal is a compacted or future revision.
    pub async fn hash_kv(
        &self,
        revision: Revision,
    ) -> Result<Result<(u32, Revision, Revision), Refusal>, NodeError> {
        let replica = self.core.replica.clone();
        let hashing = move || replica.hash_kv(revision);
        let versions = self.core.versions();
        let hashed = versions.off_thread(hashing).await;
        hashed.map_err(|_| NodeError::Stopped)?
    }

    /// Resolves once this member has joined its cluster: the cluster knows it, it knows a leader,
    /// and it has applied what was acknowledged before it started.
    pub async fn joined(&self) {
        self.core.joined.wait().await;
    }

    /// Resolves when the member can't go on (a failed disk, a lost log): the reason, for the
    /// operator.
    pub async fn fatal(&self) -> String {
        self.running.fatal().await
    }

    /// Stops; durable and closed when it returns. A leader hands over first.
    pub async fn shutdown(&self) {
        self.core.take_leave().await;
        self.running.stop().await;
        self.core.window().close();
    }
}
