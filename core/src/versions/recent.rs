//! The newest events, in memory: what watchers read, and what history lacks on disk.
//!
//! Invariants: the revisions held are all that there were from `complete_from` on, ascending; none
//! is dropped before it is durable, since until then it may be nowhere else to read; beyond that
//! the bounds hold.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::outcome::{Event, RevisionEvents};
use crate::types::{KeyValue, Revision, Version};

/// Shared by apply (which pushes), the writer (which releases) and all readers.
#[derive(Debug)]
pub struct RecentEvents {
    ring: RwLock<Ring>,
    revisions_max: usize,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Ring {
    revisions: VecDeque<(usize, Arc<RevisionEvents>)>,
    bytes: usize,
    complete_from: Revision,
    durable: Revision,
}

impl RecentEvents {
    pub fn new(revision: Revision, revisions_max: usize, bytes_max: usize) -> RecentEvents {
        let ring = Ring {
            complete_from: revision + 1,
            durable: revision,
            ..Ring::default()
        };
        RecentEvents {
            ring: RwLock::new(ring),
            revisions_max,
            bytes_max,
        }
    }

    /// The lowest revision from which on everything is here.
    pub fn complete_from(&self) -> Revision {
        self.ring.read().complete_from
    }

    /// Revisions from `from` on, at most so many and (but for the first) at most so many bytes;
    /// None if `from` is no longer here.
    pub fn read(
        &self,
        from: Revision,
        revisions_max: usize,
        bytes_max: usize,
    ) -> Option<Vec<Arc<RevisionEvents>>> {
        let ring = self.ring.read();
        if from < ring.complete_from {
            return None;
        }
        let start = ring
            .revisions
            .partition_point(|(_, events)| events.revision < from);
        let mut bytes = 0;
        let within = |(size, events): &(usize, Arc<RevisionEvents>)| {
            let is_first = bytes == 0;
            bytes += size;
            (is_first || bytes <= bytes_max).then(|| Arc::clone(events))
        };
        Some(
            ring.revisions
                .range(start..)
                .take(revisions_max)
                .map_while(within)
                .collect(),
        )
    }

    /// The record written at `version`, if it is here.
    pub fn version(&self, key: &[u8], version: Version) -> Option<Arc<KeyValue>> {
        let ring = self.ring.read();
        let at = ring
            .revisions
            .binary_search_by_key(&version.main, |(_, events)| events.revision);
        let (_, events) = &ring.revisions[at.ok()?];
        let is_it = |event: &&Event| event.kv.modified == version && event.kv.key == key;
        events
            .events
            .iter()
            .find(is_it)
            .map(|event| Arc::clone(&event.kv))
    }

    /// Appends what was applied; called in revision order.
    pub fn push(&self, events: Arc<RevisionEvents>) {
        let mut ring = self.ring.write();
        let newest = ring
            .revisions
            .back()
            .map_or(ring.complete_from - 1, |(_, e)| e.revision);
        assert!(events.revision > newest, "revisions are pushed in order");
        let size = size(&events);
        ring.bytes += size;
        ring.revisions.push_back((size, events));
        self.trim(&mut ring);
    }

    /// Everything up to `revision` is durable on disk.
    pub(super) fn release(&self, revision: Revision) {
        let mut ring = self.ring.write();
        ring.durable = ring.durable.max(revision);
        self.trim(&mut ring);
    }

    /// Forgets all: the store is at `revision` by a snapshot, without events.
    pub(super) fn reset(&self, revision: Revision) {
        *self.ring.write() = Ring {
            complete_from: revision + 1,
            durable: revision,
            ..Ring::default()
        };
    }

    fn trim(&self, ring: &mut Ring) {
        while ring.revisions.len() > self.revisions_max || ring.bytes > self.bytes_max {
            let Some((size, oldest)) = ring.revisions.front() else {
                return;
            };
            if oldest.revision > ring.durable {
                return;
            }
            ring.bytes -= size;
            ring.complete_from = oldest.revision + 1;
            ring.revisions.pop_front();
        }
    }
}

/// About how much memory a revision holds.
fn size(events: &RevisionEvents) -> usize {
    const FIXED: usize = 200;
    let record = |kv: &KeyValue| FIXED + kv.key.len() + kv.value.size();
    let event = |event: &Event| record(&event.kv) + event.prev.as_deref().map_or(0, record);
    FIXED + events.events.iter().map(event).sum::<usize>()
}
