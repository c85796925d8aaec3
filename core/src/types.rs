//! The nouns every layer shares: revisions, times, identities, keys, values.
//!
//! Nothing here knows a wire format. Values are cheap to clone: bytes are shared, records are
//! handed round as `Arc<KeyValue>` from apply to watchers, readers and the versions writer.

use std::sync::Arc;

use bytes::Bytes;

pub use crate::hash::Hash;
#[cfg(feature = "mutants")]
use crate::mutants::{self, Mutant};

/// The one order of everything: 1 is an empty store, the first change makes 2 (etcd's rule).
pub type Revision = i64;

/// A Raft term.
pub type Term = u64;

/// A Raft log index.
pub type Index = u64;

/// Milliseconds on the cluster clock: the sum of leaders' elapsed time, late but never early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterMillis(pub u64);

/// Milliseconds since 1970 by the cluster's one wall clock (the leader's, slewed, monotonic).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub u64);

/// Both clocks of the cluster at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    pub clock: ClusterMillis,
    pub wall: UnixMillis,
}

impl Now {
    /// The later of two by each clock.
    pub fn max(self, other: Now) -> Now {
        Now {
            clock: self.clock.max(other.clock),
            wall: self.wall.max(other.wall),
        }
    }

    /// The end of a life of so many milliseconds that begins now.
    pub fn plus(self, ttl_ms: u64) -> ClusterMillis {
        ClusterMillis(self.clock.0.saturating_add(ttl_ms))
    }
}

/// When a life ends, by the clock that it was told in. A time to live is measured on the cluster
/// clock, late and never early. A point of wall time is kept as it was named and judged by the
/// wall clock, so it stays where it is while nobody leads or the cluster is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    Clock(ClusterMillis),
    Wall(UnixMillis),
}

impl Deadline {
    /// Stamps are cut to whole milliseconds, so a life that was set at 7.9 for five has the
    /// deadline 12 and must not end before 12.9: it ends once the clock is past its deadline, a
    /// millisecond late at most, never early.
    pub fn is_over(self, now: Now) -> bool {
        #[cfg(feature = "mutants")]
        if mutants::is_on(Mutant::EarlyEnds) && self == Deadline::Clock(now.clock) {
            return true;
        }
        match self {
            Deadline::Clock(end) => end < now.clock,
            Deadline::Wall(end) => end < now.wall,
        }
    }

    /// Whether a life that is given this end now ends at once, as in Redis.
    pub fn is_past(self, now: Now) -> bool {
        self.left_ms(now) == 0
    }

    pub fn left_ms(self, now: Now) -> u64 {
        match self {
            Deadline::Clock(end) => end.0.saturating_sub(now.clock.0),
            Deadline::Wall(end) => end.0.saturating_sub(now.wall.0),
        }
    }

    /// How long ago it was.
    pub fn late_ms(self, now: Now) -> u64 {
        match self {
            Deadline::Clock(end) => now.clock.0.saturating_sub(end.0),
            Deadline::Wall(end) => now.wall.0.saturating_sub(end.0),
        }
    }

    /// The wall time of the end: exact where it was named, else as things stand. Ends of both
    /// kinds are compared by it.
    pub fn wall(self, now: Now) -> UnixMillis {
        match self {
            Deadline::Clock(_) => UnixMillis(now.wall.0.saturating_add(self.left_ms(now))),
            Deadline::Wall(end) => end,
        }
    }
}

/// A lease id as etcd shows it; 0 means none. Derived ids (see `DERIVED_LEASE_TAG`) stand for the
/// deadline of one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub i64);

/// Top 16 bits of every derived lease id; the rest is a counter of State. Grant refuses such ids.
pub const DERIVED_LEASE_TAG: i64 = 0x7152_0000_0000_0000;
const DERIVED_LEASE_MASK: i64 = 0x7fff_0000_0000_0000;

impl LeaseId {
    pub const NONE: LeaseId = LeaseId(0);

    /// Whether the id stands for a key's own deadline rather than for a granted lease.
    pub fn is_derived(self) -> bool {
        self.0 >= 0 && self.0 & DERIVED_LEASE_MASK == DERIVED_LEASE_TAG
    }
}

/// Why a key changed, for keyspace notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Put,
    Delete,
    Expired,
    Add,
    Append,
    HashSet,
    HashDelete,
    HashAdd,
    /// A put that gave the key a life of its own.
    PutWithLife,
    // What only `Op::Because` says.
    AddFloat,
    SetRange,
    HashAddFloat,
    RenameFrom,
    RenameTo,
    Flush,
}

/// The identity of a member, derived as etcd derives it.
pub type MemberId = u64;

/// The identity of a cluster, derived as etcd derives it.
pub type ClusterId = u64;

/// What all members of a cluster are configured with alike. Its first entry settles it, for good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What front ends put before keys of their own.
    pub key_prefix: Arc<str>,
    /// Under these prefixes keys have no history.
    pub forgetful: Vec<Bytes>,
}

/// The time an entry carries, set by the leader of `term` when it proposes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    pub term: Term,
    pub clock: ClusterMillis,
    pub wall: UnixMillis,
}

impl Stamp {
    pub fn now(self) -> Now {
        Now {
            clock: self.clock,
            wall: self.wall,
        }
    }
}

/// Who asks, and by which revision of the permissions it was let in at the door.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Principal {
    /// None: authentication is off.
    pub user: Option<Arc<str>>,
    pub auth_revision: u64,
}

/// A revision with the position of one change inside it; orders versions of all keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    pub main: Revision,
    pub sub: u32,
}

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Bytes(Bytes),
    Hash(Arc<Hash>),
}

impl Value {
    /// The bytes of a byte value; None for the other types.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            Value::Hash(_) => None,
        }
    }

    /// Bytes of payload, for limits and quotas.
    pub fn size(&self) -> usize {
        match self {
            Value::Bytes(bytes) => bytes.len(),
            Value::Hash(hash) => hash.bytes(),
        }
    }
}

impl Default for Value {
    fn default() -> Self {
        Value::Bytes(Bytes::new())
    }
}

/// One version of one key. A tombstone has only `key` and `modified` and `version` 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyValue {
    pub key: Bytes,
    pub value: Value,
    pub create_revision: Revision,
    pub modified: Version,
    /// Changes since creation, from 1; 0 marks a tombstone.
    pub version: i64,
    /// The lease the key hangs on, a derived id for a key with its own deadline, or none.
    pub lease: LeaseId,
    /// The key's own deadline, if its life is its own.
    pub deadline: Option<Deadline>,
    /// How far off that deadline was when it was set, which is what who renews it gets from then
    /// on; 0 without one.
    pub ttl_ms: u64,
    /// Rises with every change of life, those that make no revision included.
    pub life_generation: u64,
}

impl KeyValue {
    pub fn is_tombstone(&self) -> bool {
        self.version == 0
    }
}

/// A set of keys: one, a half-open span, or all from one on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyRange {
    Key(Bytes),
    /// `start <= key < end`; empty when `end <= start`.
    Span(Bytes, Bytes),
    From(Bytes),
}

impl KeyRange {
    pub fn start(&self) -> &Bytes {
        match self {
            KeyRange::Key(key) | KeyRange::Span(key, _) | KeyRange::From(key) => key,
        }
    }

    /// Bytes of its keys.
    pub(crate) fn size_hint(&self) -> usize {
        match self {
            KeyRange::Key(key) | KeyRange::From(key) => key.len(),
            KeyRange::Span(start, end) => start.len() + end.len(),
        }
    }

    pub fn contains(&self, key: &[u8]) -> bool {
        match self {
            KeyRange::Key(own) => own.as_ref() == key,
            KeyRange::Span(start, end) => start.as_ref() <= key && key < end.as_ref(),
            KeyRange::From(start) => start.as_ref() <= key,
        }
    }

    /// Whether some key lies in both.
    pub fn overlaps(&self, other: &KeyRange) -> bool {
        let ends_after = |range: &KeyRange, key: &[u8]| match range {
            KeyRange::Key(own) => own.as_ref() >= key,
            KeyRange::Span(start, end) => start < end && key < end.as_ref(),
            KeyRange::From(_) => true,
        };
        ends_after(self, other.start()) && ends_after(other, self.start())
    }

    /// The span of all keys that begin with `prefix`.
    pub fn prefix(prefix: &[u8]) -> KeyRange {
        let mut end = prefix.to_vec();
        while let Some(last) = end.last_mut() {
            if *last < 0xff {
                *last += 1;
                return KeyRange::Span(Bytes::copy_from_slice(prefix), end.into());
            }
            end.pop();
        }
        KeyRange::From(Bytes::copy_from_slice(prefix))
    }
}
