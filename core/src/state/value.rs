//! `State`, and what can be read of it at once.

use std::sync::Arc;

use bytes::Bytes;

use super::ends::FirstEnds;
use super::forgetful::Floor;
use super::index::Index;
use super::lives::{Lease, Lives};
use super::tables::Tables;
use super::taken::{Last, Taken};
use crate::limits::FEATURE_LEVEL_MIN;
use crate::types::{
    ClusterMillis, KeyRange, KeyValue, LeaseId, MemberId, Now, Revision, UnixMillis,
};

/// The replicated state. A value: `apply` is total, everything else reads.
#[derive(Clone, Debug)]
pub struct State {
    pub(super) revision: Revision,
    pub(super) compact_revision: Revision,
    pub(super) clock: ClusterMillis,
    pub(super) wall: UnixMillis,
    /// Rises with every change of a life.
    pub(super) life_counter: u64,
    /// The last derived lease id that was drawn, without its tag.
    pub(super) derived_counter: u64,
    pub(super) feature_level: u32,
    pub(super) index: Index,
    pub(super) lives: Lives,
    pub(super) tables: Tables,
    pub(super) floor: Floor,
    pub(super) taken: Taken,
}

impl Default for State {
    /// An empty store is at revision 1 and was never compacted (-1), as etcd's.
    fn default() -> State {
        State {
            revision: 1,
            compact_revision: -1,
            clock: ClusterMillis::default(),
            wall: UnixMillis::default(),
            life_counter: 0,
            derived_counter: 0,
            feature_level: FEATURE_LEVEL_MIN,
            index: Index::default(),
            lives: Lives::default(),
            tables: Tables::default(),
            floor: Floor::default(),
            taken: Taken::default(),
        }
    }
}

impl State {
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// -1 on a store that was never compacted.
    pub fn compact_revision(&self) -> Revision {
        self.compact_revision
    }

    /// Events of keys without history below this can't be seen any more.
    pub fn forgotten_below(&self) -> Revision {
        self.floor.floor
    }

    /// The times that the last entry brought.
    pub fn now(&self) -> Now {
        Now {
            clock: self.clock,
            wall: self.wall,
        }
    }

    /// Rises with each change of a life, and each life that begins.
    pub fn life_generation(&self) -> u64 {
        self.life_counter
    }

    /// The current record of a key; never a tombstone.
    pub fn get(&self, key: &[u8]) -> Option<&Arc<KeyValue>> {
        self.index.get(key)
    }

    /// Current records of a range in key order.
    pub fn iter<'a>(&'a self, range: &'a KeyRange) -> impl Iterator<Item = &'a Arc<KeyValue>> + 'a {
        self.index.iter(range)
    }

    /// The current record of a range that so many others come before.
    pub fn nth(&self, range: &KeyRange, before: u64) -> Option<&Arc<KeyValue>> {
        self.index.nth(range, before)
    }

    /// Keys that exist in the range.
    pub fn count(&self, range: &KeyRange) -> u64 {
        self.index.count(range)
    }

    /// A granted lease, or the life of one key by its derived id.
    pub fn lease(&self, id: LeaseId) -> Option<Lease> {
        self.lives.get(id).filter(|_| !self.is_stale(id))
    }

    /// The keys that end with a lease, in order; for a derived id the one key.
    pub fn lease_keys(&self, id: LeaseId) -> Vec<Bytes> {
        self.keys_on(id)
    }

    /// Granted leases, the first to end first.
    pub fn leases(&self) -> Vec<Lease> {
        self.lives.by_deadline()
    }

    /// The last proposal that was taken of a member.
    pub fn last_taken(&self, member: MemberId) -> Last {
        self.taken.last(member)
    }

    /// When the first lives end.
    pub fn first_ends(&self) -> FirstEnds {
        self.lives.first_ends()
    }
}
