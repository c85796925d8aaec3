//! What a sweep leaves to be done, a slice an entry: see `graves`.

use std::sync::Arc;

use bytes::Bytes;

use super::slot::Before;
use super::value::State;
use crate::outcome::{Effects, RevisionEvents};
use crate::types::LeaseId;

/// Records looked at in one entry.
const SLICE_RECORDS: usize = 4_000;

impl State {
    /// After a revision was made of what sweeps have removed.
    pub(super) fn bury(&mut self, made: &Arc<RevisionEvents>, before: Vec<Vec<Before>>) {
        assert_eq!(made.swept.len(), before.len());
        for (part, before) in before.into_iter().enumerate() {
            if made.swept[part].keeps_history || !self.lives.is_empty() {
                self.index.graves.bury(made, part, before);
            }
        }
    }

    /// Works off so many of the keys that were swept; whether more are left.
    pub fn work_off(&mut self, records: usize) -> bool {
        for _ in 0..records {
            let Some(record) = self.index.work_off() else {
                return false;
            };
            if record.lease != LeaseId::NONE && !self.hangs_on(record.lease, &record.key) {
                self.lives.detach(&record);
            }
        }
        true
    }

    /// Works off a slice. What nobody needs any more goes with the effects, since freeing a
    /// million records takes a while.
    pub(super) fn work_off_slice(&mut self, effects: &mut Effects) {
        self.work_off(SLICE_RECORDS);
        effects.freed.append(&mut self.index.graves.freed);
    }

    fn hangs_on(&self, id: LeaseId, key: &[u8]) -> bool {
        let now = self.index.get(key);
        now.is_some_and(|record| record.lease == id)
    }

    /// The keys that end with a lease, in order: none that were swept.
    pub(super) fn keys_on(&self, id: LeaseId) -> Vec<Bytes> {
        let mut keys = self.lives.keys(id);
        if !self.index.graves.is_empty() {
            keys.retain(|key| self.hangs_on(id, key));
        }
        keys
    }

    /// Whether a life is of a key that was swept: it has ended.
    pub(super) fn is_stale(&self, id: LeaseId) -> bool {
        if self.index.graves.is_empty() {
            return false;
        }
        let own = self.lives.own_key(id);
        own.is_some_and(|key| !self.hangs_on(id, key))
    }

    /// The life that ends first, if its time has come.
    pub(super) fn first_due(&mut self) -> Option<LeaseId> {
        while let Some(id) = self.lives.first_due(self.now()) {
            if !self.is_stale(id) {
                return Some(id);
            }
            self.lives.forget(id);
        }
        None
    }
}
