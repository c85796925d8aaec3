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
        let freed = self.trim(&mut ring);
        drop(ring);
        drop(freed);
    }

    /// Everything up to `revision` is durable on disk. Of what was swept the size is looked at
    /// only now, by the writer, whom nobody waits for; and what leaves is freed without the lock.
    pub(super) fn release(&self, revision: Revision) {
        let unweighed = self.swept_up_to(revision);
        let weighed = unweighed
            .iter()
            .map(|events| (events.revision, weigh(events)));
        let weighed: Vec<(Revision, usize)> = weighed.collect();
        drop(unweighed);
        let mut ring = self.ring.write();
        for (revision, size) in weighed {
            ring.set_size(revision, size);
        }
        ring.durable = ring.durable.max(revision);
        let freed = self.trim(&mut ring);
        drop(ring);
        drop(freed);
    }

    /// What was swept in revisions that become durable with this one.
    fn swept_up_to(&self, revision: Revision) -> Vec<Arc<RevisionEvents>> {
        let ring = self.ring.read();
        let newest_first = ring.revisions.iter().rev().map(|(_, events)| events);
        newest_first
            .take_while(|events| events.revision > ring.durable)
            .filter(|events| events.revision <= revision && !events.swept.is_empty())
            .cloned()
            .collect()
    }

    /// Forgets all: the store is at `revision` by a snapshot, without events.
    pub(super) fn reset(&self, revision: Revision) {
        *self.ring.write() = Ring {
            complete_from: revision + 1,
            durable: revision,
            ..Ring::default()
        };
    }

    /// Takes out what is beyond the bounds; to be freed once nobody waits for the ring.
    fn trim(&self, ring: &mut Ring) -> Vec<Arc<RevisionEvents>> {
        let mut freed = Vec::new();
        while ring.revisions.len() > self.revisions_max || ring.bytes > self.bytes_max {
            let durable = ring.durable;
            let is_durable =
                |(_, oldest): &mut (usize, Arc<RevisionEvents>)| oldest.revision <= durable;
            let Some((size, oldest)) = ring.revisions.pop_front_if(is_durable) else {
                break;
            };
            ring.bytes -= size;
            ring.complete_from = oldest.revision + 1;
            freed.push(oldest);
        }
        freed
    }
}

impl Ring {
    fn set_size(&mut self, revision: Revision, size: usize) {
        let at = self
            .revisions
            .binary_search_by_key(&revision, |(_, events)| events.revision);
        if let Ok(at) = at {
            let before = std::mem::replace(&mut self.revisions[at].0, size);
            self.bytes = self.bytes - before + size;
        }
    }
}

/// About how much memory a revision holds.
fn size(events: &RevisionEvents) -> usize {
    const FIXED: usize = 200;
    // Not the records themselves, which would take long to look at: see `weigh`.
    let swept = events.swept_len() * FIXED;
    let record = |kv: &KeyValue| FIXED + kv.key.len() + kv.value.size();
    let event = |event: &Event| record(&event.kv) + event.prev.as_deref().map_or(0, record);
    FIXED + swept + events.events.iter().map(event).sum::<usize>()
}

/// As `size`, of what was swept too.
fn weigh(events: &RevisionEvents) -> usize {
    let swept = events.swept.iter().flat_map(|swept| &swept.records);
    let bytes = swept.map(|record| record.key.len() + record.value.size());
    size(events) + bytes.sum::<usize>()
}
