//! Everything that ends by time: granted leases with their keys, and keys with a deadline of their
//! own, which others see as a lease with a derived id. One index of ends serves both.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::ends::{Ends, FirstEnds};
use super::leases::{Granted, Leases};
use crate::outcome::LeaseChange;
use crate::types::{ClusterMillis, Deadline, KeyValue, LeaseId, Now};

/// A lease as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub id: LeaseId,
    pub ttl_ms: u64,
    pub deadline: Deadline,
}

/// The deadline of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Own {
    key: Bytes,
    ttl_ms: u64,
    deadline: Deadline,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Lives {
    granted: Leases,
    own: BTreeMap<LeaseId, Own>,
    ends: Ends,
}

impl Lives {
    pub(super) fn first_ends(&self) -> FirstEnds {
        self.ends.first()
    }

    /// The life that ends first, if its time has come.
    pub(super) fn first_due(&self, now: Now) -> Option<LeaseId> {
        self.ends.first_due(now)
    }

    /// A granted lease or a key's own deadline.
    pub(super) fn get(&self, id: LeaseId) -> Option<Lease> {
        let granted = self
            .granted
            .get(&id)
            .map(|granted| (granted.ttl_ms, Deadline::Clock(granted.deadline)));
        let found = granted.or_else(|| self.own.get(&id).map(|own| (own.ttl_ms, own.deadline)));
        found.map(|(ttl_ms, deadline)| Lease {
            id,
            ttl_ms,
            deadline,
        })
    }

    pub(super) fn is_granted(&self, id: LeaseId) -> bool {
        self.granted.contains_key(&id)
    }

    /// The keys that end with it, in order.
    pub(super) fn keys(&self, id: LeaseId) -> Vec<Bytes> {
        match (self.granted.get(&id), self.own.get(&id)) {
            (Some(granted), _) => granted.keys.iter().cloned().collect(),
            (None, Some(own)) => vec![own.key.clone()],
            (None, None) => Vec::new(),
        }
    }

    /// The key whose own life it is.
    pub(super) fn own_key(&self, id: LeaseId) -> Option<&Bytes> {
        self.own.get(&id).map(|own| &own.key)
    }

    /// Granted leases, the first to end first.
    pub(super) fn by_deadline(&self) -> Vec<Lease> {
        let granted = self.ends.iter().filter(|(_, id)| !id.is_derived());
        granted.filter_map(|(_, id)| self.get(id)).collect()
    }

    pub(super) fn grant(
        &mut self,
        id: LeaseId,
        ttl_ms: u64,
        deadline: ClusterMillis,
    ) -> LeaseChange {
        let keys = BTreeSet::new();
        let old = self.granted.insert(
            id,
            Granted {
                ttl_ms,
                deadline,
                keys,
            },
        );
        assert!(old.is_none(), "a lease is granted once");
        self.ends.insert(Deadline::Clock(deadline), id);
        LeaseChange::Kept {
            id,
            ttl_ms,
            deadline,
        }
    }

    /// How many keys end with a granted lease, those included that were swept.
    pub(super) fn granted_keys(&self, id: LeaseId) -> usize {
        let granted = self.granted.get(&id);
        granted.map_or(0, |granted| granted.keys.len())
    }

    /// Lets go the keys of a granted lease that ends.
    pub(super) fn release(&mut self, id: LeaseId) -> BTreeSet<Bytes> {
        let granted = self.granted.get_mut(&id);
        granted.map_or_else(BTreeSet::new, |granted| std::mem::take(&mut granted.keys))
    }

    /// Takes a lease away; its keys must be gone.
    pub(super) fn end(&mut self, id: LeaseId) -> Option<LeaseChange> {
        let granted = self.granted.remove(&id)?;
        assert!(granted.keys.is_empty(), "keys end with their lease");
        self.ends.remove(Deadline::Clock(granted.deadline), id);
        Some(LeaseChange::Gone(id))
    }

    /// A granted lease starts anew.
    pub(super) fn renew(&mut self, id: LeaseId, now: Now) -> Option<LeaseChange> {
        let granted = self.granted.get_mut(&id)?;
        let deadline = now.plus(granted.ttl_ms);
        self.ends.remove(Deadline::Clock(granted.deadline), id);
        granted.deadline = deadline;
        self.ends.insert(Deadline::Clock(deadline), id);
        Some(LeaseChange::Kept {
            id,
            ttl_ms: granted.ttl_ms,
            deadline,
        })
    }

    /// A record came into the state (or took another's place, which was detached before).
    pub(super) fn attach(&mut self, record: &KeyValue) {
        let (id, key) = (record.lease, &record.key);
        if let Some(granted) = self.granted.get_mut(&id) {
            granted.keys.insert(key.clone());
        } else if let Some(deadline) = record.deadline {
            let own = Own {
                key: key.clone(),
                ttl_ms: record.ttl_ms,
                deadline,
            };
            self.own.insert(id, own);
            self.ends.insert(deadline, id);
        }
    }

    /// A record went out of the state.
    pub(super) fn detach(&mut self, record: &KeyValue) {
        if let Some(granted) = self.granted.get_mut(&record.lease) {
            granted.keys.remove(&record.key);
        } else {
            self.forget(record.lease);
        }
    }

    /// Whether nothing ends by time.
    pub(super) fn is_empty(&self) -> bool {
        self.granted.is_empty() && self.own.is_empty()
    }

    /// Takes out a key's own life.
    pub(super) fn forget(&mut self, id: LeaseId) {
        if let Some(own) = self.own.remove(&id) {
            self.ends.remove(own.deadline, id);
        }
    }

    /// Asserts that both indexes tell the same.
    pub(super) fn check(&self) {
        let ends = self.ends.iter();
        assert_eq!(ends.count(), self.granted.len() + self.own.len());
        for (deadline, id) in self.ends.iter() {
            assert_eq!(self.get(id).map(|lease| lease.deadline), Some(deadline));
        }
    }

    pub(super) fn granted(&self) -> &Leases {
        &self.granted
    }

    /// Own deadlines, by id: key and deadline.
    pub(super) fn own(&self) -> impl Iterator<Item = (LeaseId, &Bytes, Deadline)> {
        self.own
            .iter()
            .map(|(id, own)| (*id, &own.key, own.deadline))
    }
}
