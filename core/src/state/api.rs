//! Shapes of the state machine's API.

use std::sync::Arc;

use crate::command::{AlarmKind, Command, Entry, Guard, RangeOp};
use crate::outcome::{Effects, LeaseChange, RangeResult, Refusal};
use crate::types::{
    ClusterMillis, KeyRange, KeyValue, LeaseId, MemberId, Principal, Revision, UnixMillis, Value, Version,
};

/// Old versions, read by an op that names an old revision. Answers are the same on every member.
pub trait History {
    /// The record written at `version`; None if it cannot be read.
    fn version(&self, key: &[u8], version: Version) -> Option<Arc<KeyValue>>;
}

/// A granted lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub id: LeaseId,
    pub ttl_ms: u64,
    pub deadline: ClusterMillis,
}

/// The replicated state. A value: apply is total, everything else reads.
#[derive(Default)]
pub struct State {
    _private: (),
}

impl State {
    /// Applies one entry of Raft term `term` (an entry's stamp counts only if it is of that
    /// term).
    pub fn apply(&mut self, term: u64, entry: &Entry, history: &dyn History) -> Effects {
        let _ = (term, entry, history);
        unimplemented!()
    }

    pub fn revision(&self) -> Revision {
        unimplemented!()
    }

    /// -1 on a fresh store.
    pub fn compact_revision(&self) -> Revision {
        unimplemented!()
    }

    pub fn clock(&self) -> ClusterMillis {
        unimplemented!()
    }

    pub fn wall(&self) -> UnixMillis {
        unimplemented!()
    }

    /// The current record of a key (never a tombstone).
    pub fn get(&self, key: &[u8]) -> Option<&Arc<KeyValue>> {
        let _ = key;
        unimplemented!()
    }

    /// Current records of a range in key order.
    pub fn iter<'a>(
        &'a self,
        range: &'a KeyRange,
    ) -> Box<dyn Iterator<Item = &'a Arc<KeyValue>> + 'a> {
        let _ = range;
        unimplemented!()
    }

    /// Keys that exist in the range.
    pub fn count(&self, range: &KeyRange) -> u64 {
        let _ = range;
        unimplemented!()
    }

    pub fn range(&self, op: &RangeOp, history: &dyn History) -> Result<RangeResult, Refusal> {
        let _ = (op, history);
        unimplemented!()
    }

    pub fn judge(&self, guard: &Guard) -> bool {
        let _ = guard;
        unimplemented!()
    }

    pub fn lease(&self, id: LeaseId) -> Option<Lease> {
        let _ = id;
        unimplemented!()
    }

    /// Keys on a lease, in order. For a derived id the one key.
    pub fn lease_keys(&self, id: LeaseId) -> Vec<bytes::Bytes> {
        let _ = id;
        unimplemented!()
    }

    /// Granted leases by deadline.
    pub fn leases(&self) -> Vec<Lease> {
        unimplemented!()
    }

    /// Alarms that are raised, in order of member and kind.
    pub fn alarms(&self) -> Vec<(MemberId, AlarmKind)> {
        unimplemented!()
    }

    pub fn next_deadline(&self) -> Option<ClusterMillis> {
        unimplemented!()
    }

    pub fn script(&self, sha1: &[u8]) -> Option<&bytes::Bytes> {
        let _ = sha1;
        unimplemented!()
    }

    /// Asserts every invariant; for tests.
    pub fn check(&self) {
        unimplemented!()
    }

    /// A digest of everything, equal on members with the same applied entries.
    pub fn digest(&self) -> u64 {
        unimplemented!()
    }
}

/// The one door for permissions: asked before proposing and again at apply. Everything is allowed
/// while there are no users.
pub fn authorize(principal: &Principal, command: &Command) -> Result<(), Refusal> {
    let _ = (principal, command);
    Ok(())
}

/// What a restart hands to `State::restore`, piece by piece.
pub enum Restored {
    Meta {
        revision: Revision,
        compact_revision: Revision,
        clock: ClusterMillis,
        wall: UnixMillis,
        life_counter: u64,
    },
    Lease(LeaseChange),
    /// Versions in (main, sub) order for a key, oldest first; the last is current.
    Version(Arc<KeyValue>),
    Value(Value),
}
