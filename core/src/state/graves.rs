//! Deadlines of keys that were swept. They end with their keys at once, for whoever looks; taking
//! them out of the index by deadline is worked off in slices, an entry each.
//!
//! Invariant: nothing that can be seen depends on how far that came: a member that restarts has
//! none of them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::apply::State;
use crate::outcome::{Effects, RevisionEvents};
use crate::swept::Swept;
use crate::types::{KeyValue, LeaseId};

/// Records looked at in one entry.
const SLICE_RECORDS: usize = 4_000;

/// Revisions with swept keys, and how many of each's records were looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Graves(VecDeque<(Arc<RevisionEvents>, usize)>);

/// The records behind the first `done`.
fn rest(swept: &[Swept], done: usize) -> impl Iterator<Item = &Arc<KeyValue>> {
    let parts = swept.iter().scan(done, |skip, swept| {
        let from = swept.records.len().min(*skip);
        *skip -= from;
        Some(&swept.records[from..])
    });
    parts.flatten()
}

impl State {
    pub(super) fn bury(&mut self, revision: &Arc<RevisionEvents>) {
        if !revision.swept.is_empty() && self.lives.has_own() {
            self.graves.0.push_back((revision.clone(), 0));
        }
    }

    /// Works off a slice. What nobody needs any more goes with the effects, since freeing a
    /// million records takes a while.
    pub(super) fn work_off_graves(&mut self, effects: &mut Effects) {
        let Some((revision, done)) = self.graves.0.front_mut() else {
            return;
        };
        let mut looked_at = 0;
        for record in rest(&revision.swept, *done).take(SLICE_RECORDS) {
            looked_at += 1;
            if record.lease != LeaseId::NONE {
                self.lives.detach(record, &self.tables.forgetful);
            }
        }
        *done += looked_at;
        if looked_at < SLICE_RECORDS {
            effects
                .freed
                .extend(self.graves.0.pop_front().map(|(revision, _)| revision));
        }
    }

    /// Whether a life is of a key that was swept: it has ended.
    pub(super) fn is_stale(&self, id: LeaseId) -> bool {
        if self.graves.0.is_empty() || !id.is_derived() {
            return false;
        }
        let mut keys = self.lives.keys(id).into_iter();
        keys.all(|key| self.index.get(&key).is_none_or(|record| record.lease != id))
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
