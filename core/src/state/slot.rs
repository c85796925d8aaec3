//! One key of the index: its newest record and, lean, the versions before it that are kept.
//!
//! ```text
//! put k        newest 2.0
//! put k        newest 5.0             past [2.0]
//! delete k     newest 7.0, tombstone  past [2.0, 5.0]
//! compact 5    newest 7.0, tombstone  past [5.0]
//! compact 7    nothing is left
//! ```

use std::sync::Arc;

use crate::types::{KeyValue, Revision, Version};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Past {
    main: Revision,
    sub: u32,
    tombstone: bool,
}

const _: () = assert!(size_of::<Past>() == 16, "a million versions are 16 MB");

/// The versions before the newest, ascending; most keys have none.
#[derive(Clone, Debug, Default)]
#[allow(clippy::box_collection, reason = "8 bytes a key, not 24")]
pub(super) struct Before(Option<Box<Vec<Past>>>);

#[derive(Clone, Debug)]
pub(super) struct Slot {
    newest: Arc<KeyValue>,
    before: Before,
}

const _: () = assert!(size_of::<Slot>() == 16, "a slot is two pointers");

/// What a key was at some revision.
pub(super) enum At<'a> {
    Absent,
    Current(&'a Arc<KeyValue>),
    Past(Version),
}

impl Before {
    fn as_slice(&self) -> &[Past] {
        self.0.as_ref().map_or(&[], |past| past.as_slice())
    }

    /// What was the newest is so no more.
    fn push(&mut self, old: &KeyValue) {
        let past = self.0.get_or_insert_default();
        if past.is_empty() {
            // Most keys are written once or twice between compactions.
            past.reserve_exact(1);
        }
        past.push(Past {
            main: old.modified.main,
            sub: old.modified.sub,
            tombstone: old.is_tombstone(),
        });
    }

    /// What a key was at `revision` whose newest version is, or was, this one.
    pub(super) fn at<'a>(&self, newest: &'a Arc<KeyValue>, revision: Revision) -> At<'a> {
        if newest.modified.main <= revision {
            return match newest.is_tombstone() {
                true => At::Absent,
                false => At::Current(newest),
            };
        }
        let mut newest_first = self.as_slice().iter().rev();
        match newest_first.find(|past| past.main <= revision) {
            Some(past) if !past.tombstone => At::Past(Version {
                main: past.main,
                sub: past.sub,
            }),
            _ => At::Absent,
        }
    }
}

impl Slot {
    pub(super) fn new(record: &Arc<KeyValue>) -> Slot {
        Slot {
            newest: record.clone(),
            before: Before::default(),
        }
    }

    /// Of a key that was `old` and is deleted.
    pub(super) fn deleted(old: &KeyValue, mut before: Before, at: Version) -> Slot {
        before.push(old);
        let tombstone = KeyValue {
            key: old.key.clone(),
            modified: at,
            ..KeyValue::default()
        };
        Slot {
            newest: Arc::new(tombstone),
            before,
        }
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.newest.key
    }

    pub(super) fn newest(&self) -> &Arc<KeyValue> {
        &self.newest
    }

    pub(super) fn into_parts(self) -> (Arc<KeyValue>, Before) {
        (self.newest, self.before)
    }

    /// The record, unless the key is deleted.
    pub(super) fn current(&self) -> Option<&Arc<KeyValue>> {
        (!self.newest.is_tombstone()).then_some(&self.newest)
    }

    pub(super) fn is_live(&self) -> bool {
        !self.newest.is_tombstone()
    }

    /// A newer version; the one before becomes past.
    pub(super) fn push(&mut self, record: &Arc<KeyValue>) {
        let old = std::mem::replace(&mut self.newest, record.clone());
        assert!(old.modified < record.modified, "versions of a key rise");
        self.before.push(&old);
    }

    /// Another record in the place of the newest; past versions stay.
    pub(super) fn replace(&mut self, record: &Arc<KeyValue>) {
        self.newest = record.clone();
    }

    pub(super) fn at(&self, revision: Revision) -> At<'_> {
        self.before.at(&self.newest, revision)
    }

    /// The past versions that can still be seen when `compacted` is the compact revision.
    pub(super) fn visible(
        &self,
        compacted: Revision,
    ) -> impl Iterator<Item = (Version, bool)> + '_ {
        let visible = &self.before.as_slice()[self.hidden(compacted)..];
        visible.iter().map(|past| {
            let (main, sub) = (past.main, past.sub);
            (Version { main, sub }, past.tombstone)
        })
    }

    /// How many of the past versions nobody can see: those that another at or below `revision`
    /// follows, and a tombstone that is the newest there.
    fn hidden(&self, revision: Revision) -> usize {
        let past = self.before.as_slice();
        let below = past.partition_point(|past| past.main <= revision);
        let newest_is_below = self.newest.modified.main <= revision;
        let keeps_last = below > 0 && !newest_is_below && !past[below - 1].tombstone;
        below - usize::from(keeps_last)
    }

    /// Drops what can't be seen any more; false if that is all of it.
    pub(super) fn prune(&mut self, revision: Revision) -> bool {
        let hidden = self.hidden(revision);
        if let Some(past) = &mut self.before.0 {
            past.drain(..hidden);
            past.shrink_to_fit();
            if past.is_empty() {
                self.before.0 = None;
            }
        }
        self.is_live() || self.newest.modified.main > revision
    }
}
