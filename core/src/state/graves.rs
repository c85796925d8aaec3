//! Keys that were swept: whoever looks finds them deleted at once. What is behind that is worked
//! off in slices: of keys with history the tombstones come into the index, and lives are taken out
//! of theirs.
//!
//! ```text
//! index  a 2.0, b 3.0, c 4.0      delete all, revision 5
//! index  –                        grave  a 2.0, b 3.0, c 4.0
//! index  a 5.0 ✝ past [2.0]       grave  b 3.0, c 4.0          a slice of one
//! index  a …, c 6.0 past [4.0, 5.2 ✝]    grave  b 3.0          put c, before its turn
//! ```
//!
//! Invariants: a key with history is in the index or in one grave; nothing that can be seen depends
//! on how far the work came: a member that restarts has no graves.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::forgetful::Forgetful;
use super::slot::{At, Before, Slot};
use crate::outcome::{Cause, Freed, RevisionEvents};
use crate::swept::Swept;
use crate::types::{KeyRange, KeyValue, Revision, Version};

/// What a sweep has taken out of the index, as it becomes a part of its revision.
pub(super) struct Removed {
    pub(super) swept: Swept,
    /// Of each record the versions before it; empty without history.
    before: Vec<Before>,
}

impl Removed {
    /// Slots in key order, in stretches of keys that all have a history or have none; `first` is
    /// the sub-revision of the first.
    pub(super) fn parts(
        forgetful: &Forgetful,
        slots: Vec<Slot>,
        first: u32,
        cause: Cause,
    ) -> Vec<Removed> {
        let stretches = forgetful.stretches(&slots, Slot::key);
        let mut slots = slots.into_iter();
        let part = |(stretch, keeps_history): (std::ops::Range<usize>, bool)| {
            let first = first + stretch.start as u32;
            let slots = slots.by_ref().take(stretch.len()).map(Slot::into_parts);
            let (records, before) = match keeps_history {
                true => slots.unzip(),
                false => (slots.map(|(record, _)| record).collect(), Vec::new()),
            };
            let swept = Swept {
                records,
                first,
                cause,
                keeps_history,
            };
            Removed { swept, before }
        };
        stretches.into_iter().map(part).collect()
    }
}

/// The keys of one sweep that are not worked off.
#[derive(Clone, Debug)]
struct Grave {
    made: Arc<RevisionEvents>,
    /// Which of the revision's sweeps.
    part: usize,
    before: Vec<Before>,
    /// So many of its records are worked off, the first ones.
    done: usize,
    /// Others whose keys were written again.
    raised: BTreeSet<usize>,
}

impl Grave {
    fn swept(&self) -> &Swept {
        &self.made.swept[self.part]
    }

    /// The slot of a deleted key, for the index.
    fn slot(&self, number: usize, before: Before) -> Slot {
        let swept = self.swept();
        let version = Version {
            main: self.made.revision,
            sub: swept.first + number as u32,
        };
        Slot::deleted(&swept.records[number], before, version)
    }

    /// Records with history that are still here, of a range.
    fn within<'a>(&'a self, range: &KeyRange) -> impl Iterator<Item = usize> + use<'a> {
        let within = match self.swept().keeps_history {
            true => self.swept().within(range),
            false => 0..0,
        };
        let left = within.start.max(self.done)..within.end;
        left.filter(|number| !self.raised.contains(number))
    }

    fn at<'a>(
        &'a self,
        range: &KeyRange,
        revision: Revision,
    ) -> impl Iterator<Item = (&'a Bytes, At<'a>)> + use<'a> {
        self.within(range).map(move |number| {
            let record = &self.swept().records[number];
            (&record.key, self.before[number].at(record, revision))
        })
    }

    /// Takes the next one's turn: its record, and what comes into the index.
    fn next(&mut self) -> Option<(Arc<KeyValue>, Option<Slot>)> {
        let number = self.done;
        let record = self.swept().records.get(number)?.clone();
        self.done += 1;
        let is_raised = self.raised.remove(&number);
        let before = self.before.get_mut(number).filter(|_| !is_raised);
        let before = before.map(std::mem::take);
        Some((record, before.map(|before| self.slot(number, before))))
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Graves {
    graves: VecDeque<Grave>,
    /// Those that are empty.
    pub(super) freed: Vec<Freed>,
}

impl Graves {
    pub(super) fn is_empty(&self) -> bool {
        self.graves.is_empty()
    }

    pub(super) fn bury(&mut self, made: &Arc<RevisionEvents>, part: usize, before: Vec<Before>) {
        self.graves.push_back(Grave {
            made: made.clone(),
            part,
            before,
            done: 0,
            raised: BTreeSet::new(),
        });
    }

    /// Takes out a key that is written again, before its turn.
    pub(super) fn raise(&mut self, key: &[u8]) -> Option<Slot> {
        self.graves.iter_mut().find_map(|grave| {
            let number = grave.swept().find(key)?;
            let is_here = number >= grave.done && !grave.raised.contains(&number);
            let before = grave.before.get_mut(number).filter(|_| is_here)?;
            let before = std::mem::take(before);
            grave.raised.insert(number);
            Some(grave.slot(number, before))
        })
    }

    /// Takes out what comes next, with what comes into the index.
    pub(super) fn next(&mut self) -> Option<(Arc<KeyValue>, Option<Slot>)> {
        while let Some(grave) = self.graves.front_mut() {
            if let Some(next) = grave.next() {
                return Some(next);
            }
            let done = self.graves.pop_front();
            let done = done.map(|grave| Freed::Revision(grave.made));
            self.freed.extend(done);
        }
        None
    }

    /// How many keys with history of a range are here.
    pub(super) fn count(&self, range: &KeyRange) -> u64 {
        let counts = self
            .graves
            .iter()
            .map(|grave| grave.within(range).count() as u64);
        counts.sum()
    }

    /// Keys of a range that were there at `revision`, or may have been before it, in key order.
    pub(super) fn at<'a>(
        &'a self,
        range: &KeyRange,
        revision: Revision,
    ) -> Box<dyn Iterator<Item = (&'a Bytes, At<'a>)> + 'a> {
        let later = self.graves.iter();
        let mut later = later.filter(|grave| grave.made.revision > revision);
        match (later.next(), later.next()) {
            (None, _) => Box::new(std::iter::empty()),
            // Of a million keys no list is made.
            (Some(only), None) => Box::new(only.at(range, revision)),
            (Some(first), Some(second)) => {
                let several = [first, second].into_iter().chain(later);
                let mut all: Vec<_> = several
                    .flat_map(|grave| grave.at(range, revision))
                    .collect();
                all.sort_by_key(|(key, _)| *key);
                Box::new(all.into_iter())
            }
        }
    }

    /// What the index lacks, in key order.
    pub(super) fn slots(&self) -> Vec<Slot> {
        let everything = KeyRange::From(Bytes::new());
        let all = self.graves.iter().flat_map(|grave| {
            let numbers = grave.within(&everything);
            numbers.map(|number| grave.slot(number, grave.before[number].clone()))
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by(|a, b| a.key().cmp(b.key()));
        all
    }
}

impl Removed {
    pub(super) fn into_parts(self) -> (Swept, Vec<Before>) {
        (self.swept, self.before)
    }
}
