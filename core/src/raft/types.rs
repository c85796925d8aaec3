//! The types openraft is configured with.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use openraft::impls::leader_id_std;
use openraft::raft::responder::Responder;
use openraft::{OptionalSend, RaftTypeConfig};

use crate::codec;
use crate::command::Entry;
use crate::outcome::Applied;
use crate::types::MemberId;

/// A log entry's payload: decoded once, encoded once, shared by log, network and apply.
#[derive(Clone)]
pub(crate) struct EntryData(Arc<Inner>);

struct Inner {
    entry: Entry,
    encoded: OnceLock<Bytes>,
}

impl EntryData {
    pub(crate) fn new(entry: Entry) -> EntryData {
        EntryData(Arc::new(Inner {
            entry,
            encoded: OnceLock::new(),
        }))
    }

    /// Takes the bytes as they came from the log or a peer, the kind byte first; they are kept for
    /// the next hop.
    pub(crate) fn decode_tagged(tagged: Bytes) -> Result<EntryData, codec::DecodeError> {
        let entry = codec::decode_entry(tagged.slice(1..))?;
        let cell = OnceLock::new();
        cell.get_or_init(|| tagged);
        Ok(EntryData(Arc::new(Inner {
            entry,
            encoded: cell,
        })))
    }

    pub(crate) fn entry(&self) -> &Entry {
        &self.0.entry
    }

    /// The bytes for log and peers behind the kind byte that tells entries apart.
    pub(crate) fn tagged(&self, kind: u8) -> Bytes {
        let encode = || {
            let mut out = Vec::with_capacity(256);
            out.push(kind);
            codec::encode_entry(&self.0.entry, &mut out);
            Bytes::from(out)
        };
        self.0.encoded.get_or_init(encode).clone()
    }
}

impl fmt::Debug for EntryData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryData({} proposals)", self.0.entry.proposals.len())
    }
}

impl fmt::Display for EntryData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One answer for each proposal of an entry; empty for entries without proposals.
pub(crate) type Answers = Vec<Applied>;

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
    type R = Answers;
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

pub(crate) type RaftEntry = openraft::type_config::alias::EntryOf<TypeConfig>;
pub(crate) type Vote = openraft::type_config::alias::VoteOf<TypeConfig>;
pub(crate) type LogId = openraft::type_config::alias::LogIdOf<TypeConfig>;
pub(crate) type StoredMembership = openraft::type_config::alias::StoredMembershipOf<TypeConfig>;
pub(crate) type Raft = openraft::Raft<TypeConfig, super::Machine>;
