//! The index: for each key its current record and the versions of it that are kept. Of a key
//! without history that is the current record alone.
//!
//! What a compaction hides is hidden at once by the compact revision; the work of forgetting it
//! goes through all keys in slices, and nothing that can be seen depends on how far it came.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::chunks::Chunks;
use super::forgetful::Forgetful;
use super::graves::Graves;
use super::slot::{At, Slot};
use crate::types::{KeyRange, KeyValue, LeaseId, Revision};

/// Keys pruned in one step, so that a compaction stops nobody for long.
const PRUNED_KEYS_MAX: usize = 1_000;

#[derive(Clone, Debug)]
pub(super) struct Index {
    slots: Chunks,
    /// Keys that were swept and whose slots are not back yet.
    pub(super) graves: Graves,
    /// What is superseded up to here is seen by nobody.
    compacted: Revision,
    pruning: Option<Pruning>,
}

impl Default for Index {
    fn default() -> Index {
        Index {
            slots: Chunks::default(),
            graves: Graves::default(),
            compacted: -1,
            pruning: None,
        }
    }
}

/// How far pruning came. A compaction amid it goes on from there and round to there again, so that
/// a flow of compactions does not keep the later keys waiting.
#[derive(Clone, Debug)]
struct Pruning {
    revision: Revision,
    next: Bytes,
    /// What is still to be done once the last key is reached: from the first key to here.
    before: Option<Bytes>,
    /// Whether that has begun.
    is_around: bool,
}

impl Index {
    pub(super) fn get(&self, key: &[u8]) -> Option<&Arc<KeyValue>> {
        self.slots.get(key)?.current()
    }

    /// Current records in key order.
    pub(super) fn iter(&self, range: &KeyRange) -> impl Iterator<Item = &Arc<KeyValue>> {
        self.slots.live(range).filter_map(Slot::current)
    }

    pub(super) fn nth(&self, range: &KeyRange, before: u64) -> Option<&Arc<KeyValue>> {
        self.slots.nth(range, before)?.current()
    }

    pub(super) fn count(&self, range: &KeyRange) -> u64 {
        self.slots.count(range)
    }

    /// Keys of a range, those included that are deleted and have history.
    pub(super) fn slots(&self, range: &KeyRange) -> u64 {
        self.slots.length(range) + self.graves.count(range)
    }

    /// The keys of a range as they were at `revision`, in key order.
    pub(super) fn at(
        &self,
        range: &KeyRange,
        revision: Revision,
    ) -> impl Iterator<Item = (&Bytes, At<'_>)> {
        let slots = self.slots.iter(range);
        let slots = slots.map(move |slot| (&slot.newest().key, slot.at(revision)));
        merged(slots, self.graves.at(range, revision), |(key, _)| key)
    }

    /// A new version, or a tombstone.
    pub(super) fn push(&mut self, record: &Arc<KeyValue>, forgetful: &Forgetful) {
        match (forgetful.holds(&record.key), record.is_tombstone()) {
            (true, true) => self.slots.remove(&record.key),
            (true, false) => self.set(record, |slot| slot.replace(record)),
            (false, _) => {
                if let Some(slot) = self.graves.raise(&record.key) {
                    self.place(slot);
                }
                self.set(record, |slot| slot.push(record));
            }
        }
    }

    fn set(&mut self, record: &Arc<KeyValue>, change: impl FnOnce(&mut Slot)) {
        self.slots.set(&record.key, change, || Slot::new(record));
    }

    /// Takes out all keys of a range, in order.
    pub(super) fn sweep(&mut self, range: &KeyRange) -> Vec<Slot> {
        self.slots.sweep(range)
    }

    /// Takes out the keys that hang on a lease, in order: of those named that still do.
    pub(super) fn sweep_lease(&mut self, id: LeaseId, keys: &BTreeSet<Bytes>) -> Vec<Slot> {
        self.slots.sweep_lease(id, keys)
    }

    /// Of the keys that were swept the next gets its slot; its record.
    pub(super) fn work_off(&mut self) -> Option<Arc<KeyValue>> {
        let (record, slot) = self.graves.next()?;
        if let Some(slot) = slot {
            self.place(slot);
        }
        Some(record)
    }

    /// The slot of a key that was buried. A compaction may have come past its place meanwhile.
    fn place(&mut self, mut slot: Slot) {
        if slot.prune(self.compacted) {
            self.slots.insert(slot);
        }
    }

    /// The current version with another life.
    pub(super) fn replace(&mut self, record: &Arc<KeyValue>) {
        let found = self.slots.change(&record.key, |slot| slot.replace(record));
        assert!(found, "only a key that is there has a life");
    }

    /// Starts pruning what a compaction made invisible.
    pub(super) fn compact(&mut self, revision: Revision) {
        self.compacted = revision;
        let next = self
            .pruning
            .take()
            .map_or(Bytes::new(), |pruning| pruning.next);
        self.pruning = Some(Pruning {
            revision,
            before: (!next.is_empty()).then(|| next.clone()),
            next,
            is_around: false,
        });
    }

    /// Prunes a slice.
    pub(super) fn prune(&mut self) {
        let Some(mut pruning) = self.pruning.take() else {
            return;
        };
        let end = pruning.before.clone().filter(|_| pruning.is_around);
        let due = self.slots.from(&pruning.next);
        let due = due.take_while(|slot| end.as_ref().is_none_or(|end| slot.key() < &end[..]));
        let mut keys = due
            .take(PRUNED_KEYS_MAX + 1)
            .map(|slot| slot.newest().key.clone());
        let slice: Vec<Bytes> = keys.by_ref().take(PRUNED_KEYS_MAX).collect();
        let next = keys.next();
        drop(keys);
        for key in &slice {
            let mut is_left = true;
            self.slots
                .change(key, |slot| is_left = slot.prune(pruning.revision));
            if !is_left {
                self.slots.remove(key);
            }
        }
        match next {
            Some(next) => pruning.next = next,
            None if pruning.before.is_some() && !pruning.is_around => {
                pruning.next = Bytes::new();
                pruning.is_around = true;
            }
            None => return,
        }
        self.pruning = Some(pruning);
    }

    /// All slots in key order, for checks and digests.
    pub(super) fn all(&self) -> impl Iterator<Item = Cow<'_, Slot>> {
        let buried = self.graves.slots().into_iter().map(Cow::Owned);
        merged(self.slots.all().map(Cow::Borrowed), buried, |slot| {
            slot.key()
        })
    }

    /// Asserts that the order and the counts are right.
    pub(super) fn check(&self) {
        self.slots.check();
        let mut buried = self.graves.slots().into_iter();
        assert!(
            buried.all(|slot| self.slots.get(slot.key()).is_none()),
            "a key is in one place"
        );
        let keys = self.all().map(|slot| slot.newest().key.clone());
        assert!(keys.is_sorted_by(|a, b| a < b), "and in one grave");
    }
}

/// Two runs in key order as one.
fn merged<T>(
    one: impl IntoIterator<Item = T>,
    other: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> &[u8],
) -> impl Iterator<Item = T> {
    let (mut one, mut other) = (one.into_iter().peekable(), other.into_iter().peekable());
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(a), Some(b)) if key(b) < key(a) => other.next(),
        (None, _) => other.next(),
        (Some(_), _) => one.next(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Version;

    fn write(index: &mut Index, key: usize, main: Revision, version: i64) {
        let record = KeyValue {
            key: format!("{key:06}").into(),
            modified: Version { main, sub: 0 },
            version,
            ..KeyValue::default()
        };
        index.push(&Arc::new(record), &Forgetful::default());
    }

    fn kept(index: &Index) -> usize {
        index.all().map(|slot| 1 + slot.visible(-1).count()).sum()
    }

    #[test]
    fn pruning_comes_to_an_end_under_a_flow_of_compactions() {
        let mut index = Index::default();
        let keys = 5 * PRUNED_KEYS_MAX;
        for key in 0..keys {
            write(&mut index, key, 2, 1);
            write(&mut index, key, 3, 0);
        }
        for slice in 0..5 {
            index.compact(3 + slice);
            index.prune();
        }
        // Every key was looked at once, the first ones for an older revision than the last.
        assert_eq!(kept(&index), 0);
        index.check();
    }

    #[test]
    fn a_compaction_amid_another_goes_round() {
        let mut index = Index::default();
        let keys = 3 * PRUNED_KEYS_MAX;
        for key in 0..keys {
            write(&mut index, key, 2, 1);
            write(&mut index, key, 4, 2);
            write(&mut index, key, 6, 3);
        }
        index.compact(4);
        index.prune();
        index.compact(6);
        while index.pruning.is_some() {
            index.prune();
        }
        assert_eq!(
            (kept(&index), index.count(&KeyRange::From(Bytes::new()))),
            (keys, keys as u64)
        );
    }
}
