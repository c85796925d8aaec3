//! Prefixes without history: of a key under them only the newest version is kept, and the events
//! of the last revisions, from the floor on, for watches that resume. Which they are is told by the
//! cluster's first entry.
//!
//! The floor moves by a rule of replicated numbers alone: every `MARK_INTERVAL` revisions that
//! touch such a key it moves to where it was marked the last time. So between one and two
//! intervals can be watched from, on every member alike, also after a restart. A revision that
//! holds much counts as many, so that what is kept for watches has a bound in bytes, too.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::outcome::RevisionEvents;
use crate::types::{KeyRange, Revision};

/// Revisions between two marks.
const MARK_INTERVAL: u64 = 8_192;
/// Keys and values with which a revision counts as one more: an interval has 16 MiB at most, but
/// for its last revision.
const COUNTED_BYTES: u64 = 2_048;
/// What a key counts that was deleted with many others, whose names nobody looks at.
const SWEPT_KEY_BYTES: u64 = 32;

/// The prefixes of keys without history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgetful(Arc<[Bytes]>);

impl Default for Forgetful {
    /// Those of every cluster that was founded before its first entry told them.
    fn default() -> Forgetful {
        let prefixes: [&[u8]; 2] = [b"redis/", b"redis@"];
        Forgetful(prefixes.map(Bytes::from_static).into())
    }
}

impl Forgetful {
    pub(super) fn of(prefixes: Vec<Bytes>) -> Forgetful {
        Forgetful(prefixes.into())
    }

    pub(super) fn prefixes(&self) -> &[Bytes] {
        &self.0
    }

    /// Whether a key has no history.
    pub fn holds(&self, key: &[u8]) -> bool {
        self.0.iter().any(|prefix| key.starts_with(prefix))
    }

    /// Whether a range holds, or could hold, such keys.
    pub(super) fn touches(&self, range: &KeyRange) -> bool {
        let reaches = |start: &Bytes, prefix| start <= prefix || start.starts_with(prefix);
        self.0.iter().any(|prefix| match range {
            KeyRange::Key(key) => key.starts_with(prefix),
            KeyRange::Span(start, end) => start < end && end > prefix && reaches(start, prefix),
            KeyRange::From(start) => reaches(start, prefix),
        })
    }

    /// Whether a range holds such keys only.
    pub(super) fn covers(&self, range: &KeyRange) -> bool {
        self.0.iter().any(|prefix| {
            let KeyRange::Span(first, last) = KeyRange::prefix(prefix) else {
                return false;
            };
            match range {
                KeyRange::Key(key) => key.starts_with(prefix),
                KeyRange::Span(start, end) => *start >= first && *end <= last,
                KeyRange::From(_) => false,
            }
        })
    }

    /// Where sorted keys that all have a history, or have none, follow each other; and whether
    /// they have one.
    pub(super) fn stretches<T>(
        &self,
        sorted: &[T],
        key: impl Fn(&T) -> &[u8],
    ) -> Vec<(Range<usize>, bool)> {
        let mut cuts = vec![0, sorted.len()];
        for prefix in self.0.iter() {
            let is_before = |item: &T| key(item) < prefix.as_ref();
            let is_within = |item: &T| key(item).starts_with(prefix);
            cuts.push(sorted.partition_point(is_before));
            cuts.push(sorted.partition_point(|item| is_before(item) || is_within(item)));
        }
        cuts.sort_unstable();
        cuts.dedup();
        let stretches = cuts.windows(2).map(|cut| cut[0]..cut[1]);
        let kinds = stretches.map(|stretch| {
            let keeps_history = !self.holds(key(&sorted[stretch.start]));
            (stretch, keeps_history)
        });
        kinds.collect()
    }

    /// About the bytes that the events of keys without history take; None if there are none.
    pub(super) fn bytes_of(&self, made: &RevisionEvents) -> Option<u64> {
        let swept = made.swept.iter().filter(|swept| !swept.keeps_history);
        let swept = swept.map(|swept| swept.records.len() as u64 * SWEPT_KEY_BYTES);
        let events = made.events.iter().map(|event| &event.kv);
        let events = events.filter(|kv| self.holds(&kv.key));
        let events = events.map(|kv| (kv.key.len() + kv.value.size()) as u64);
        swept.chain(events).reduce(|all, bytes| all + bytes)
    }
}

/// The replicated numbers of the rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Floor {
    /// Events of such keys below this can't be seen any more.
    pub(super) floor: Revision,
    pub(super) mark: Revision,
    /// Revisions, or what counts as such.
    pub(super) since_mark: u64,
    /// The newest revision that touched such a key.
    pub(super) newest: Revision,
}

impl Floor {
    pub(super) fn touched(&mut self, revision: Revision, bytes: u64) {
        self.newest = revision;
        self.since_mark += 1 + bytes / COUNTED_BYTES;
        if self.since_mark >= MARK_INTERVAL {
            self.since_mark = 0;
            self.floor = self.mark;
            self.mark = revision + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch() {
        let forgetful = Forgetful::default();
        let touches = |range: &KeyRange| forgetful.touches(range);
        let span = |a: &'static str, b: &'static str| touches(&KeyRange::Span(a.into(), b.into()));
        assert!(span("a", "z") && span("redis/0/", "redis/00") && span("redis/", "redis0"));
        assert!(span("a", "redis/1") && !span("a", "b") && !span("s", "z") && !span("a", "redis"));
        assert!(touches(&KeyRange::From(Bytes::from_static(b"redis/9"))));
        assert!(!touches(&KeyRange::From(Bytes::from_static(b"redit"))));
    }

    #[test]
    fn ranges_that_hold_nothing_else() {
        let forgetful = Forgetful::default();
        let covers = |range: &KeyRange| forgetful.covers(range);
        let span = |a: &'static str, b: &'static str| covers(&KeyRange::Span(a.into(), b.into()));
        assert!(span("redis/0/", "redis/00") && span("redis/", "redis0"));
        assert!(!span("redis/", "redis1") && !span("redis", "redis0") && !span("a", "b"));
        assert!(!covers(&KeyRange::From("redis/".into())));
    }

    #[test]
    fn stretches_are_of_one_kind() {
        let keys = ["a", "redis", "redis/0", "redis/1", "redis0", "redis@1", "z"];
        let forgetful = Forgetful::default();
        let found = forgetful.stretches(&keys, |key| key.as_bytes());
        let wanted = [
            (0..2, true),
            (2..4, false),
            (4..5, true),
            (5..6, false),
            (6..7, true),
        ];
        assert_eq!(found, wanted);
        assert_eq!(forgetful.stretches(&keys[..0], |key| key.as_bytes()), []);
    }

    #[test]
    fn the_floor_leaves_one_to_two_intervals() {
        let mut floor = Floor::default();
        for revision in 2..100_000 {
            floor.touched(revision, 100);
            let kept = (revision - floor.floor.max(2) + 1) as u64;
            assert!(kept <= 2 * MARK_INTERVAL && (floor.floor == 0 || kept >= MARK_INTERVAL));
        }
    }

    #[test]
    fn what_is_kept_has_a_bound_in_bytes() {
        let mut floor = Floor::default();
        let bytes = 100_000;
        for revision in 2..10_000 {
            floor.touched(revision, bytes);
            let kept = (revision - floor.floor.max(2) + 1) as u64 * bytes;
            assert!(kept <= 2 * (MARK_INTERVAL * COUNTED_BYTES + bytes));
        }
    }
}
