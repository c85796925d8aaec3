//! Where openraft meets the log and the peers. Nothing above this module knows openraft, but for
//! the node's own tasks.

mod log_store;
mod network;
mod pipeline;
pub(crate) mod snapshot;
mod types;
pub(crate) mod wire;

pub(crate) use log_store::LogStore;
pub(crate) use network::PeerNetwork;
pub(crate) use types::{
    Completion, EntryData, LeaderId, LogId, Peer, RaftMetrics, RaftServerMetrics, StoredMembership,
    TypeConfig, Vote, VoteRequest, VoteResponse,
};
