//! Shapes of the node's API.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::outcome::{Notice, RevisionEvents};
use crate::types::{ClusterId, Index, MemberId, Now, Revision, Settings, Term};

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
    /// The same on every member, for good: one that has another key prefix is refused.
    pub settings: Settings,
    pub heartbeat: Duration,
    /// The silence of a leader after which an election may begin, and by which it begins.
    pub election_min: Duration,
    pub election_max: Duration,
    /// Whether these grow with the distance that is measured between the members.
    pub timers_adapt: bool,
    /// Entries after which a snapshot is noted and the log behind it purged (etcd's
    /// `--snapshot-count`).
    pub snapshot_entries: u64,
    /// Entries that are kept behind a snapshot for members that lag; one that lags more is sent
    /// the snapshot.
    pub catch_up_entries: u64,
}

impl NodeConfig {
    /// etcd's defaults for the two counts.
    pub const SNAPSHOT_ENTRIES: u64 = 10_000;
    pub const CATCH_UP_ENTRIES: u64 = 5_000;
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
    /// The last entry that is no longer in the log; 0 when all are.
    pub purged_index: Index,
    pub committed_index: Index,
    pub applied_index: Index,
    pub revision: Revision,
    pub is_learner: bool,
    /// Bytes of the versions file, and those in use.
    pub db_size: u64,
    pub db_size_in_use: u64,
    /// Of them, what the space quota counts: without the events that are kept for watches of
    /// Redis's keys that resume, which go by themselves.
    pub bytes_kept: u64,
}

/// Proof that this member's state holds everything acknowledged before the call, and the times to
/// compute remaining lives with.
#[derive(Clone, Copy, Debug)]
pub struct Barrier {
    pub index: Index,
    pub term: Term,
    pub now: Now,
}

/// Who is told that something happened for one of its watchers: one per connection or stream.
/// `token` is the caller's own name for the watcher.
pub trait Wake: Send + Sync + 'static {
    fn wake(&self, token: u64);
}

/// What a watcher has to say now.
#[derive(Debug)]
pub enum Polled {
    /// Changes of the range in revision order, and the revision up to which (inclusive) the
    /// watcher has now seen everything. `caught_up`: nothing more was there at the time; never
    /// with an empty answer unless the watcher is sure to be woken.
    Events {
        revisions: Vec<Arc<RevisionEvents>>,
        through: Revision,
        caught_up: bool,
    },
    /// What comes next has been forgotten: the lowest revision that can still be watched from.
    Compacted(Revision),
    /// What comes next can't be read on this member, whose disk has failed or which stops. The
    /// cursor stays where it is; nothing wakes it.
    Failed,
}

/// Whose listeners are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Census {
    /// Of these channels, by name.
    Listeners(Vec<Bytes>),
    /// Of all channels that somebody listens to by name, or of those that match.
    Channels(Option<Bytes>),
    /// Of all patterns.
    Patterns,
}

/// Listeners by the name that they gave; names without any are left out.
pub type Listening = BTreeMap<Bytes, u64>;

/// Why there are no numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CensusError {
    #[error("member {0:x} can't be asked")]
    Away(MemberId),
    #[error("there are too many names")]
    TooLarge,
}

/// Sees all effects in order, on the apply thread.
pub trait EffectsListener: Send + Sync + 'static {
    fn revision(&self, events: &Arc<RevisionEvents>);
    fn notice(&self, after: Revision, notice: &Notice);
    /// Delivers a plain PUBLISH here; returns how many subscribers received it.
    fn published(&self, channel: &Bytes, payload: &Bytes) -> u64;
    /// Who listens here at this moment: names, each with its listeners.
    fn census(&self, asked: &Census) -> Vec<(Bytes, u64)>;
}

/// Why a member did not start: what, why and what to do, for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

pub(super) fn failed(error: impl std::fmt::Display) -> StartError {
    StartError(error.to_string())
}
