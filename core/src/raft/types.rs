//! The types openraft is configured with.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use openraft::impls::leader_id_std;
use openraft::raft::responder::Responder;
use openraft::{OptionalSend, RaftTypeConfig};

use crate::codec;
use crate::command::Entry;
use crate::types::MemberId;

/// A log entry's payload, decoded and encoded, shared by log, network and apply. Its fields are
/// slices of its own encoding: it never holds on to a socket's buffer.
#[derive(Clone)]
pub(crate) struct EntryData(Arc<Inner>);

struct Inner {
    entry: Entry,
    tagged: Bytes,
}

impl EntryData {
    /// Encodes an entry of this member's own, behind the kind byte that tells entries apart.
    ///
    /// # Errors
    /// If it nests deeper than any member would decode.
    pub(crate) fn new(entry: &Entry, kind: u8) -> Result<EntryData, codec::DecodeError> {
        let mut tagged = Vec::with_capacity(256);
        tagged.push(kind);
        codec::encode_entry(entry, &mut tagged);
        let tagged = Bytes::from(tagged);
        let entry = codec::decode_entry_sharing(tagged.slice(1..))?;
        Ok(EntryData(Arc::new(Inner { entry, tagged })))
    }

    /// Takes the bytes as they came from the log or a peer, the kind byte first; they are kept for
    /// the next hop.
    pub(crate) fn decode_tagged(tagged: Bytes) -> Result<EntryData, codec::DecodeError> {
        let entry = codec::decode_entry(tagged.slice(1..))?;
        Ok(EntryData(Arc::new(Inner { entry, tagged })))
    }

    pub(crate) fn entry(&self) -> &Entry {
        &self.0.entry
    }

    /// The bytes for log and peers.
    pub(crate) fn tagged(&self) -> Bytes {
        self.0.tagged.clone()
    }
}

impl fmt::Debug for EntryData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryData({} proposals)", self.0.entry.proposals())
    }
}

impl fmt::Display for EntryData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What the membership knows of a member: enough to reach it and to show it before it has started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) peer_urls: Vec<String>,
}

/// Runs a closure with the result, where openraft would complete it.
pub(crate) struct Completion<T>(Box<dyn FnOnce(T) + Send>);

impl<T> Completion<T> {
    pub(crate) fn new(done: impl FnOnce(T) + Send + 'static) -> Completion<T> {
        Completion(Box::new(done))
    }
}

impl<T: OptionalSend + 'static> Responder<TypeConfig, T> for Completion<T> {
    fn on_complete(self, result: T) {
        (self.0)(result)
    }
}

/// Standard Raft: one leader per term.
pub(crate) type LeaderId = leader_id_std::LeaderId<u64, MemberId>;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TypeConfig;

impl RaftTypeConfig for TypeConfig {
    type D = EntryData;
    /// Answers don't come this way: each member settles what it has proposed where it applies it.
    type R = ();
    type NodeId = MemberId;
    type Node = Peer;
    type Term = u64;
    type LeaderId = LeaderId;
    type Vote = openraft::impls::Vote<LeaderId>;
    type Payload = openraft::EntryPayload<EntryData, MemberId, Peer>;
    type Entry =
        openraft::Entry<openraft::type_config::alias::CommittedLeaderIdOf<Self>, Self::Payload>;
    type AsyncRuntime = openraft_rt_tokio::TokioRuntime;
    type Responder<T>
        = Completion<T>
    where
        T: OptionalSend + 'static;
    type Batch<T>
        = openraft::impls::InlineBatch<T>
    where
        T: OptionalSend + 'static;
    type ErrorSource = openraft::impls::BoxedErrorSource;
}

/// A view on what Raft says of itself.
pub(crate) type RaftMetrics = openraft::type_config::alias::WatchReceiverOf<
    TypeConfig,
    openraft::metrics::RaftMetrics<TypeConfig>,
>;

/// Of that view, who leads and who the members are.
pub(crate) type RaftServerMetrics = openraft::type_config::alias::WatchReceiverOf<
    TypeConfig,
    openraft::metrics::RaftServerMetrics<TypeConfig>,
>;

pub(crate) type RaftEntry = openraft::type_config::alias::EntryOf<TypeConfig>;
pub(crate) type Vote = openraft::type_config::alias::VoteOf<TypeConfig>;
pub(crate) type LogId = openraft::type_config::alias::LogIdOf<TypeConfig>;
pub(crate) type VoteRequest = openraft::raft::VoteRequest<TypeConfig>;
pub(crate) type VoteResponse = openraft::raft::VoteResponse<TypeConfig>;
pub(crate) type StoredMembership = openraft::type_config::alias::StoredMembershipOf<TypeConfig>;
