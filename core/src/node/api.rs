//! Shapes of the node's API.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::command::{Command, RangeOp};
use crate::outcome::{NodeError, Notice, RangeResult, Refusal, Reply, RevisionEvents};
use crate::state::State;
use crate::types::{
    ClusterId, ClusterMillis, Index, KeyRange, MemberId, Principal, Revision, Term, UnixMillis,
};

/// How a member is started. Addresses are `host:port` lists already parsed from URLs.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    pub name: String,
    pub data_dir: PathBuf,
    /// Peer URLs this member listens on.
    pub listen_peer_urls: Vec<String>,
    pub advertise_peer_urls: Vec<String>,
    pub advertise_client_urls: Vec<String>,
    /// (name, peer URLs) of every founding member, this one included.
    pub initial_cluster: Vec<(String, Vec<String>)>,
    pub cluster_token: String,
    pub heartbeat: Duration,
    pub election_min: Duration,
    pub election_max: Duration,
}

/// A member of the cluster as replicated state knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: MemberId,
    /// Empty until the member has started.
    pub name: String,
    pub peer_urls: Vec<String>,
    pub client_urls: Vec<String>,
    pub is_learner: bool,
}

/// What a member can say of itself at once.
#[derive(Clone, Debug)]
pub struct Status {
    pub cluster: ClusterId,
    pub member: MemberId,
    pub leader: Option<MemberId>,
    pub term: Term,
    pub last_index: Index,
    pub committed_index: Index,
    pub applied_index: Index,
    pub revision: Revision,
    pub is_learner: bool,
    /// Bytes of the versions file, and those in use.
    pub db_size: u64,
    pub db_size_in_use: u64,
}

/// Proof that this member's state holds everything acknowledged before the call, and the times to
/// compute remaining lives with.
#[derive(Clone, Copy, Debug)]
pub struct Barrier {
    pub index: Index,
    pub term: Term,
    pub clock: ClusterMillis,
    pub wall: UnixMillis,
}

/// Who is told that something happened for one of its watchers: one per connection or stream.
/// `token` is the caller's own name for the watcher.
pub trait Wake: Send + Sync + 'static {
    fn wake(&self, token: u64);
}

/// A cursor over the changes of a range: never a queue, never skips.
pub struct Watcher {
    _private: (),
}

/// What a watcher has to say now.
#[derive(Debug)]
pub enum Polled {
    /// Changes of the range in revision order, and the revision up to which (inclusive) the
    /// watcher has now seen everything. `caught_up`: nothing more was there at the time.
    Events {
        revisions: Vec<Arc<RevisionEvents>>,
        through: Revision,
        caught_up: bool,
    },
    /// What comes next has been forgotten: the lowest revision that can still be watched from.
    Compacted(Revision),
}

impl Watcher {
    /// The next revision this watcher wants.
    pub fn next_revision(&self) -> Revision {
        unimplemented!()
    }

    /// The changes of the range from the cursor on, at most about `max_revisions` and `max_bytes`
    /// (a revision is never split); moves the cursor. The events of a revision that are outside
    /// the range are left out; a revision without any inside is not returned. Empty events with
    /// `caught_up` mean: wait for the wake. Reads disk only when the watcher lags behind memory.
    pub async fn poll(&mut self, max_revisions: usize, max_bytes: usize) -> Polled {
        let _ = (max_revisions, max_bytes);
        unimplemented!()
    }
}

/// One member, cheap to clone.
#[derive(Clone)]
pub struct Node {
    _private: (),
}

/// Why a member did not start.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

impl Node {
    /// Starts a member on this machine.
    pub async fn start(config: NodeConfig) -> Result<Node, StartError> {
        let _ = config;
        unimplemented!()
    }

    /// The store's revision here and now.
    pub fn revision(&self) -> Revision {
        unimplemented!()
    }

    /// Registered watchers.
    pub fn watchers(&self) -> usize {
        unimplemented!()
    }

    /// Puts a command through the log; on any member. `deadline` bounds the whole call.
    pub async fn propose(
        &self,
        principal: &Principal,
        command: Command,
        deadline: Instant,
    ) -> Result<Reply, NodeError> {
        let _ = (principal, command, deadline);
        unimplemented!()
    }

    /// A linearizable read barrier (batched).
    pub async fn barrier(&self, deadline: Instant) -> Result<Barrier, NodeError> {
        let _ = deadline;
        unimplemented!()
    }

    /// The barrier's answer without asking anybody: for serializable reads.
    pub fn local_barrier(&self) -> Barrier {
        unimplemented!()
    }

    /// A read of this member's state as it is (call `barrier` first to be linearizable), history
    /// included. The inner refusal is etcd's compacted or future revision.
    pub async fn range(&self, op: &RangeOp) -> Result<Result<RangeResult, Refusal>, NodeError> {
        let _ = op;
        unimplemented!()
    }

    /// Runs a short read on the state; do not block inside.
    pub fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        let _ = read;
        unimplemented!()
    }

    /// Waits until this member has applied `index`.
    pub async fn applied(&self, index: Index, deadline: Instant) -> Result<(), NodeError> {
        let _ = (index, deadline);
        unimplemented!()
    }

    /// A watcher from `start` on (0: from the next revision); returns it with the store's
    /// revision at that instant, taken atomically with apply. `wake.wake(token)` is called (from
    /// the apply thread; be quick) when something in the range happens after the watcher caught
    /// up, or when it is overtaken by compaction.
    pub fn watch(
        &self,
        range: KeyRange,
        start: Revision,
        wake: Arc<dyn Wake>,
        token: u64,
    ) -> (Watcher, Revision) {
        let _ = (range, start, wake, token);
        unimplemented!()
    }

    /// Notices (published messages, changed lives) with the revision they follow, and every
    /// revision's events: for pub/sub and keyspace notifications. Called from the apply thread in
    /// order; be quick.
    pub fn on_effects(&self, listener: Arc<dyn EffectsListener>) {
        let _ = listener;
        unimplemented!()
    }

    /// Broadcasts a plain PUBLISH to the subscribers on all members, without the log; returns how
    /// many received it.
    pub async fn publish(&self, channel: Bytes, payload: Bytes) -> u64 {
        let _ = (channel, payload);
        unimplemented!()
    }

    pub fn members(&self) -> Vec<Member> {
        unimplemented!()
    }

    pub fn status(&self) -> Status {
        unimplemented!()
    }

    /// CRC32-C over the versions kept up to `revision` (0: the current), as etcd computes HashKV:
    /// (hash, revision hashed, compact revision).
    pub async fn hash_kv(
        &self,
        revision: Revision,
    ) -> Result<Result<(u32, Revision, Revision), Refusal>, NodeError> {
        let _ = revision;
        unimplemented!()
    }

    /// Resolves when the member must stop (failed disk, removed): the reason for the operator.
    pub async fn fatal(&self) -> String {
        unimplemented!()
    }

    /// Durable and closed when it returns.
    pub async fn shutdown(&self) {
        unimplemented!()
    }
}

/// Sees all effects in order, on the apply thread.
pub trait EffectsListener: Send + Sync + 'static {
    fn revision(&self, events: &Arc<RevisionEvents>);
    fn notice(&self, after: Revision, notice: &Notice);
    /// Delivers a plain PUBLISH here; returns how many subscribers received it.
    fn published(&self, channel: &Bytes, payload: &Bytes) -> u64;
}
