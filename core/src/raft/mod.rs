//! Where openraft, the log, the state machine and the peers meet. Nothing above this module
//! knows openraft.

mod applier;
mod log_store;
mod machine;
mod network;
mod pipeline;
mod snapshot;
mod types;
pub(crate) mod wire;

pub use applier::Applier;
pub(crate) use log_store::LogStore;
pub(crate) use machine::Machine;
pub(crate) use network::PeerNetwork;
pub(crate) use snapshot::IncomingSnapshot;
pub(crate) use types::{
    Completion, EntryData, LeaderId, LogId, Peer, Raft, RaftMetrics, RaftServerMetrics,
    StoredMembership, TypeConfig, Vote, VoteRequest, VoteResponse,
};
