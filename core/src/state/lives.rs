//! Everything that ends by time: granted leases with their keys, and keys with a deadline of their
//! own, which others see as a lease with a derived id. One index of ends serves both.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::ends::{Ends, FirstEnds};
use super::forgetful::Forgetful;
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
    /// Keys without history that hang on granted leases.
    forgetful_on_granted: usize,
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
    pub(super) fn attach(&mut self, record: &KeyValue, forgetful: &Forgetful) {
        let (id, key) = (record.lease, &record.key);
        if let Some(granted) = self.granted.get_mut(&id) {
            let is_new = granted.keys.insert(key.clone());
            self.forgetful_on_granted += usize::from(is_new && forgetful.holds(key));
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
    pub(super) fn detach(&mut self, record: &KeyValue, forgetful: &Forgetful) {
        if let Some(granted) = self.granted.get_mut(&record.lease) {
            let was_there = granted.keys.remove(&record.key);
            let is_counted = was_there && forgetful.holds(&record.key);
            self.forgetful_on_granted -= usize::from(is_counted);
        } else {
            self.forget(record.lease);
        }
    }

    /// Whether keys without history can go without a look at who holds them.
    pub(super) fn holds_forgetful_keys(&self) -> bool {
        self.forgetful_on_granted > 0
    }

    pub(super) fn has_own(&self) -> bool {
        !self.own.is_empty()
    }

    /// Takes out a key's own life.
    pub(super) fn forget(&mut self, id: LeaseId) {
        if let Some(own) = self.own.remove(&id) {
            self.ends.remove(own.deadline, id);
        }
    }

    /// Asserts that both indexes tell the same.
    pub(super) fn check(&self, forgetful: &Forgetful) {
        let keys = self.granted.values().flat_map(|granted| &granted.keys);
        let counted = keys.filter(|key| forgetful.holds(key)).count();
        assert_eq!(self.forgetful_on_granted, counted);
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
