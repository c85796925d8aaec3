//! What comes back: outcomes and refusals (both part of the replicated, deterministic answer),
//! events for watchers, and the errors of a node (not deterministic, never part of State).

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::command::{AlarmKind, RangeOp, TurnOp};
use crate::swept::Swept;
pub use crate::types::Cause;
use crate::types::{
    ClusterMillis, Index, KeyRange, KeyValue, LeaseId, MemberId, Now, Revision, Term, Version,
};

/// The answer to one proposal.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The store's revision once the command was applied.
    pub revision: Revision,
    pub outcome: Result<Outcome, Refusal>,
    /// What the outcome lacks until it is read (`state::read_past`).
    pub past: Vec<PastRead>,
}

/// An applied proposal as a client of the node sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub term: Term,
    pub index: Index,
    pub applied: Applied,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Txn(TxnOutcome),
    Program(ProgramOutcome),
    LeaseGranted {
        id: LeaseId,
        ttl_ms: u64,
    },
    LeaseRevoked,
    /// In the order asked: the granted TTL in milliseconds, None for a lease that is not there.
    LeaseRenewed(Vec<Option<u64>>),
    Compacted,
    /// The alarms a change of alarms touched.
    Alarms(Vec<(MemberId, AlarmKind)>),
    Done,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TxnOutcome {
    pub succeeded: bool,
    /// One for each op of the branch taken, in order. Whether the txn changed anything shows in
    /// `changed`, since a revision is made only then.
    pub results: Vec<OpResult>,
    pub changed: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProgramOutcome {
    /// Whether all guards held.
    pub succeeded: bool,
    /// One for each op, if they did.
    pub results: Vec<OpResult>,
    /// When it was applied, for what is told of lives.
    pub now: Now,
}

#[derive(Clone, Debug, PartialEq)]
pub enum OpResult {
    Range(RangeResult),
    /// `revision` is the store's revision seen by this op (etcd's inner header).
    Put {
        prev: Option<Arc<KeyValue>>,
        revision: Revision,
    },
    Delete {
        deleted: u64,
        prev: Vec<Arc<KeyValue>>,
        revision: Revision,
    },
    /// Whether the life was changed (or the key deleted since its time is past).
    SetLife(bool),
    Data(DataResult),
    /// Of `Publish`, `Because` and `Turn`.
    Published,
    Txn(TxnOutcome),
    /// Of a range that could not be answered, which decides nothing: `HistoryUnreadable`,
    /// `AnswerTooLarge`. In a program, of any op that was refused by itself.
    Failed(Refusal),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RangeResult {
    pub kvs: Vec<Arc<KeyValue>>,
    pub more: bool,
    /// All keys of the range at that revision, whatever the limit.
    pub count: u64,
    /// The store's revision seen by this op.
    pub revision: Revision,
    /// Keys without history are left out: what they were at that revision isn't known.
    pub is_partial: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum DataResult {
    /// A number after Add or HashAdd, a length after Append and SetRange, fields added or removed,
    /// else 1 for what was done and 0 for what was not.
    Integer(i64),
    /// The new number, as text.
    Text(Bytes),
    /// Of Set: whether it was done; and what the key was, if that was wanted or kept it from being
    /// done.
    Set {
        done: bool,
        old: Option<Arc<KeyValue>>,
    },
    /// Of Take and Revive: what the key was.
    Old(Option<Arc<KeyValue>>),
}

/// A deterministic no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("required revision has been compacted")]
    Compacted,
    #[error("required revision is a future revision")]
    FutureRevision,
    #[error("key not found")]
    KeyNotFound,
    #[error("lease not found")]
    LeaseNotFound,
    #[error("lease already exists")]
    LeaseExists,
    #[error("space exceeded")]
    NoSpace,
    #[error("wrong type of value")]
    WrongType,
    #[error("value is not an integer or out of range")]
    NotAnInteger,
    #[error("hash value is not an integer")]
    HashNotAnInteger,
    #[error("increment or decrement would overflow")]
    Overflow,
    #[error("value is not a valid float")]
    NotAFloat,
    #[error("hash value is not a float")]
    HashNotAFloat,
    /// What is to be added is infinite.
    #[error("value is NaN or Infinity")]
    Infinite,
    #[error("increment would produce NaN or Infinity")]
    NotFinite,
    #[error("too many operations or too large")]
    TooLarge,
    #[error("string exceeds maximum allowed size")]
    TooLong,
    /// What would come of a small request: see `limits`.
    #[error("too much would come of it")]
    TooMuch,
    /// What the txns of one entry come to: this one may be asked for again.
    #[error("too much is done at once")]
    Overloaded,
    #[error("permission denied")]
    PermissionDenied,
    #[error("revision of the permissions is old")]
    AuthOld,
    /// The members' data differ: the alarm says so.
    #[error("corrupt cluster")]
    Corrupt,
    /// What the ranges of a txn return is more than its answer may hold.
    #[error("the answer is too large")]
    AnswerTooLarge,
    /// The history a read needs could not be read (disk).
    #[error("history cannot be read")]
    HistoryUnreadable,
}

/// One change of one key.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// A tombstone for a delete.
    pub kv: Arc<KeyValue>,
    pub prev: Option<Arc<KeyValue>>,
    pub cause: Cause,
}

impl Event {
    pub fn is_delete(&self) -> bool {
        self.kv.is_tombstone()
    }
}

/// One change of a key by itself, for keyspace notifications: they tell of each, also if a key was
/// changed several times in one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub key: Bytes,
    pub cause: Cause,
    /// There was no such key before.
    pub is_new: bool,
    pub is_delete: bool,
    pub is_typed: bool,
}

impl Step {
    pub fn of(kv: &KeyValue, is_new: bool, cause: Cause) -> Step {
        Step {
            key: kv.key.clone(),
            cause,
            is_new,
            is_delete: kv.is_tombstone(),
            is_typed: kv.value.as_bytes().is_none(),
        }
    }
}

impl Event {
    /// The change, if it took no other's place.
    pub fn step(&self) -> Step {
        let is_new = self.prev.is_none() && !self.is_delete();
        Step::of(&self.kv, is_new, self.cause)
    }
}

/// All changes of one revision. Of writes of one key that follow each other it has the last.
#[derive(Clone, Debug, PartialEq)]
pub struct RevisionEvents {
    pub revision: Revision,
    /// In sub-revision order.
    pub events: Vec<Event>,
    /// Those that are not made yet. A watcher's are all made; whoever else reads `events` alone
    /// misses these.
    pub swept: Vec<Swept>,
    /// What led to `events`, in order, if a write took another's place. It is told when it happens
    /// and not kept.
    pub steps: Vec<Step>,
}

impl RevisionEvents {
    pub fn new(revision: Revision, events: Vec<Event>) -> RevisionEvents {
        RevisionEvents {
            revision,
            events,
            swept: Vec::new(),
            steps: Vec::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.events.len() + self.swept_len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of them are not made yet.
    pub fn swept_len(&self) -> usize {
        self.swept.iter().map(|swept| swept.records.len()).sum()
    }

    /// Every change, in sub-revision order.
    pub fn all(&self) -> impl Iterator<Item = Event> + '_ {
        let events = self.events.iter();
        let swept = self.swept.iter();
        in_order(events, swept.flat_map(|swept| swept.events(self.revision)))
    }

    /// Every change of a range's keys, in sub-revision order.
    pub fn all_within<'a>(&'a self, range: &'a KeyRange) -> impl Iterator<Item = Event> + 'a {
        let events = self.events.iter();
        let swept = self.swept.iter();
        in_order(
            events.filter(|event| range.contains(&event.kv.key)),
            swept.flat_map(|swept| swept.events_within(range, self.revision)),
        )
    }
}

fn in_order<'a>(
    events: impl Iterator<Item = &'a Event>,
    swept: impl Iterator<Item = Event>,
) -> impl Iterator<Item = Event> {
    let (mut events, mut swept) = (events.peekable(), swept.peekable());
    std::iter::from_fn(move || {
        let next = events.peek().map(|event| event.kv.modified);
        match (next, swept.peek()) {
            (Some(next), Some(swept)) if swept.kv.modified > next => events.next().cloned(),
            (Some(_), None) => events.next().cloned(),
            _ => swept.next(),
        }
    })
}

/// Something that is told and makes no revision.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// A key's deadline was set (`expire`) or taken away (`persist`).
    LifeChanged {
        key: Bytes,
        persisted: bool,
    },
    Published {
        channel: Bytes,
        payload: Bytes,
    },
    /// For whoever holds back what would disturb a turn.
    Turn(TurnOp),
}

/// What applying one entry did, besides the answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// Of each batch of the entry, how many of its proposals were taken: the last ones.
    pub taken: Vec<usize>,
    /// The answers to all that were taken, in their order.
    pub applied: Vec<Applied>,
    /// In revision order.
    pub revisions: Vec<Arc<RevisionEvents>>,
    /// With the revision they follow.
    pub notices: Vec<(Revision, Notice)>,
    /// Keys whose life changed without a revision and that have still the record given here when
    /// the entry is applied; to be kept after what `revisions` tells.
    pub lives: Vec<Arc<KeyValue>>,
    pub leases: Vec<LeaseChange>,
    /// What else State keeps, by a name of its own: scripts, members, alarms; None deletes.
    pub items: Vec<(Bytes, Option<Bytes>)>,
    /// The compaction revision, if this entry moved it.
    pub compacted: Option<Revision>,
    /// To be freed where nobody waits.
    pub freed: Vec<Freed>,
}

/// What the state needs no more and takes long to free.
#[derive(Clone, Debug, PartialEq)]
pub enum Freed {
    Revision(Arc<RevisionEvents>),
    /// Of a lease that has ended.
    Keys(BTreeSet<Bytes>),
}

/// A txn's range at an old revision, whose records are to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct PastRead {
    /// Its place in the txn: of each txn that it lies in among the results, then its own.
    pub path: Vec<usize>,
    pub op: RangeOp,
    /// Without the records.
    pub result: RangeResult,
    pub versions: Vec<PastVersion>,
    /// Bytes that the other ranges of the txn have left for those that are still to be read.
    pub room: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PastVersion {
    /// In memory still.
    Current(Arc<KeyValue>),
    Past(Bytes, Version),
}

/// A lease as it must now be kept, or that it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseChange {
    Kept {
        id: LeaseId,
        ttl_ms: u64,
        deadline: ClusterMillis,
    },
    Gone(LeaseId),
}

/// Why a node gives no answer. The third kind of no is the one to fear.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// Certainly not proposed: no leader is known or reachable.
    #[error("no leader")]
    NoLeader,
    /// Certainly not proposed: the deadline came first.
    #[error("timed out before it was proposed")]
    Timeout,
    /// Proposed; whether it happened is not known.
    #[error("proposed, but the outcome is not known")]
    Unknown,
    /// Certainly not proposed: too much is under way.
    #[error("too many requests")]
    Overloaded,
    #[error("the server is stopped")]
    Stopped,
}
