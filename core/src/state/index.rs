//! The index: for each key its current record and the versions of it that are kept.
//!
//! ```text
//! put k        current (2,0)
//! put k        current (5,0)   past [(2,0)]
//! delete k     no current      past [(2,0), (5,0), (7,0) tombstone]
//! compact 5    no current      past [(5,0), (7,0) tombstone]
//! compact 7    the key is gone
//! ```

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::forgetful::is_forgetful;
use crate::types::{KeyRange, KeyValue, Revision, Version};

/// Keys pruned in one step, so that a compaction stops nobody for long.
const PRUNED_KEYS_MAX: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Past {
    version: Version,
    tombstone: bool,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    current: Option<Arc<KeyValue>>,
    /// Ascending, all older than the current one.
    past: Vec<Past>,
}

/// What a key was at some revision.
pub(super) enum At<'a> {
    Absent,
    Current(&'a Arc<KeyValue>),
    Past(Version),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    slots: BTreeMap<Bytes, Slot>,
    /// Where pruning goes on, and for which compaction.
    pruning: Option<(Bytes, Revision)>,
}

type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// The bounds of a range, or none if it is empty.
pub(super) fn bounds(range: &KeyRange) -> Option<Bounds<'_>> {
    match range {
        KeyRange::Key(key) => Some((Bound::Included(key), Bound::Included(key))),
        KeyRange::Span(start, end) if start < end => {
            Some((Bound::Included(start), Bound::Excluded(end)))
        }
        KeyRange::Span(..) => None,
        KeyRange::From(start) => Some((Bound::Included(start), Bound::Unbounded)),
    }
}

/// A key with its current record and its past versions, which say whether they are tombstones.
type Everything<'a> = (&'a Bytes, Option<&'a Arc<KeyValue>>, Vec<(Version, bool)>);

impl Index {
    pub(super) fn get(&self, key: &[u8]) -> Option<&Arc<KeyValue>> {
        self.slots.get(key)?.current.as_ref()
    }

    fn slots<'a>(&'a self, range: &'a KeyRange) -> impl Iterator<Item = (&'a Bytes, &'a Slot)> {
        bounds(range)
            .into_iter()
            .flat_map(|bounds| self.slots.range::<[u8], _>(bounds))
    }

    /// Current records in key order.
    pub(super) fn iter<'a>(
        &'a self,
        range: &'a KeyRange,
    ) -> impl Iterator<Item = &'a Arc<KeyValue>> {
        self.slots(range)
            .filter_map(|(_, slot)| slot.current.as_ref())
    }

    pub(super) fn count(&self, range: &KeyRange) -> u64 {
        self.iter(range).count() as u64
    }

    /// The keys of a range as they were at `revision`, in key order.
    pub(super) fn at<'a>(
        &'a self,
        range: &'a KeyRange,
        revision: Revision,
    ) -> impl Iterator<Item = (&'a Bytes, At<'a>)> {
        self.slots(range)
            .map(move |(key, slot)| (key, slot.at(revision)))
    }

    /// A new version, or a tombstone.
    pub(super) fn push(&mut self, record: &Arc<KeyValue>) {
        if is_forgetful(&record.key) {
            if record.is_tombstone() {
                self.slots.remove(&record.key);
            } else {
                let slot = self.slots.entry(record.key.clone()).or_default();
                slot.current = Some(record.clone());
            }
            return;
        }
        let slot = self.slots.entry(record.key.clone()).or_default();
        if let Some(old) = slot.current.take() {
            slot.past.push(Past {
                version: old.modified,
                tombstone: false,
            });
        }
        debug_assert!(
            slot.past
                .last()
                .is_none_or(|last| last.version < record.modified)
        );
        if record.is_tombstone() {
            slot.past.push(Past {
                version: record.modified,
                tombstone: true,
            });
        } else {
            slot.current = Some(record.clone());
        }
    }

    /// The current version with another life.
    pub(super) fn replace(&mut self, record: &Arc<KeyValue>) {
        if let Some(slot) = self.slots.get_mut(&record.key) {
            slot.current = Some(record.clone());
        }
    }

    /// Starts pruning what a compaction made invisible.
    pub(super) fn compact(&mut self, revision: Revision) {
        self.pruning = Some((Bytes::new(), revision));
    }

    /// Prunes a slice; what is seen does not depend on it.
    pub(super) fn prune(&mut self) {
        let Some((from, revision)) = self.pruning.take() else {
            return;
        };
        let mut empty = Vec::new();
        for (looked_at, (key, slot)) in self.slots.range_mut(from..).enumerate() {
            if looked_at == PRUNED_KEYS_MAX {
                self.pruning = Some((key.clone(), revision));
                break;
            }
            slot.prune(revision);
            if slot.current.is_none() && slot.past.is_empty() {
                empty.push(key.clone());
            }
        }
        empty.iter().for_each(|key| drop(self.slots.remove(key)));
    }

    /// All keys: the current record and the past versions, for checks and digests.
    pub(super) fn all(&self) -> impl Iterator<Item = Everything<'_>> {
        self.slots.iter().map(|(key, slot)| {
            let past = slot
                .past
                .iter()
                .map(|past| (past.version, past.tombstone))
                .collect();
            (key, slot.current.as_ref(), past)
        })
    }
}

impl Slot {
    fn at(&self, revision: Revision) -> At<'_> {
        match &self.current {
            Some(current) if current.modified.main <= revision => return At::Current(current),
            _ => {}
        }
        match self
            .past
            .iter()
            .rev()
            .find(|past| past.version.main <= revision)
        {
            Some(past) if !past.tombstone => At::Past(past.version),
            _ => At::Absent,
        }
    }

    /// Drops versions that are followed by another at or below `revision`, and a tombstone that is
    /// the newest there.
    fn prune(&mut self, revision: Revision) {
        if self.past.is_empty() {
            return;
        }
        let below = self
            .past
            .partition_point(|past| past.version.main <= revision);
        let current_below = self
            .current
            .as_ref()
            .is_some_and(|c| c.modified.main <= revision);
        let keep_newest = below > 0 && !current_below && !self.past[below - 1].tombstone;
        self.past.drain(..below - usize::from(keep_newest));
        self.past.shrink_to_fit();
    }
}
