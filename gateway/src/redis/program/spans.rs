//! Spans that stand for many keys which a program has read, so that reading costs no more than a
//! few guards.
//!
//! Once the guards of single keys are many they are exchanged for spans, from a first to a last
//! key: as many keys there as now, none of them newer than now. That is stricter than what was
//! read, for others may lie between. It is not weaker: the single guards were seen to hold at the
//! instant at which the spans were looked at, so what was read is what is there, and a span that is
//! the same when its guard is judged holds the same keys.
//!
//! ```text
//! k1 at 5, k2 missing, …, k9 at 7        [k1, k9]: 4 keys, none modified after 30 (it is 30 now)
//! later k3 is read, at 12                 known already: nothing
//! later k4 is read, at 31                 the guard can't hold any more: the program has lost
//! ```

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};

use bytes::Bytes;
use quorate_core::command::{Guard, Test};
use quorate_core::types::{KeyRange, Revision};

/// Keys that one span stands for.
const KEYS_MAX: usize = 1024;

/// How things stood in a range at some instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Keys of the range.
    pub count: u64,
    /// The store's revision and life generation.
    pub newest: Revision,
    pub generation: u64,
}

/// Some keys that follow each other among those that were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    first: Bytes,
    last: Bytes,
    keys: usize,
    /// Whether the life of one of them was looked at.
    lives: bool,
}

impl Group {
    pub fn range(&self) -> KeyRange {
        let mut end = self.last.to_vec();
        end.push(0);
        KeyRange::Span(self.first.clone(), end.into())
    }
}

#[derive(Clone, Debug)]
struct Span {
    range: KeyRange,
    settled: Settled,
    lives: bool,
}

/// What a reading is to the spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Outside,
    /// The guard of a span says it already.
    Known,
    /// It came after the span was looked at, whose guard will fail.
    Newer,
}

/// None overlaps another. By their first keys.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    spans: BTreeMap<Bytes, Span>,
    /// About their memory.
    bytes: usize,
}

impl Spans {
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// A key was read at `modified` (0: missing), and its life, if it was looked at, at `life`.
    pub fn look(&mut self, key: &[u8], modified: Revision, life: Option<u64>) -> Look {
        let up_to = (Unbounded, Included(key));
        let before = self.spans.range_mut::<[u8], _>(up_to).next_back();
        let Some((_, span)) = before.filter(|(_, span)| span.range.contains(key)) else {
            return Look::Outside;
        };
        let is_new_life = life.is_some_and(|life| life > span.settled.generation);
        if modified > span.settled.newest || is_new_life {
            return Look::Newer;
        }
        span.lives |= life.is_some();
        Look::Known
    }

    /// Keys, in order and none of them known, with whether their lives were looked at: in groups
    /// that overlap no span.
    pub fn groups<'k>(&self, keys: impl Iterator<Item = (&'k Bytes, bool)>) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for (key, lives) in keys {
            match groups.last_mut() {
                Some(group) if group.keys < KEYS_MAX && !self.is_between(&group.last, key) => {
                    group.last = key.clone();
                    group.keys += 1;
                    group.lives |= lives;
                }
                _ => groups.push(Group {
                    first: key.clone(),
                    last: key.clone(),
                    keys: 1,
                    lives,
                }),
            }
        }
        groups
    }

    fn is_between(&self, low: &[u8], high: &[u8]) -> bool {
        let between = (Excluded(low), Excluded(high));
        self.spans.range::<[u8], _>(between).next().is_some()
    }

    pub fn add(&mut self, group: &Group, settled: Settled) {
        let (range, lives) = (group.range(), group.lives);
        self.bytes += group.first.len() + group.last.len() + size_of::<(Bytes, Span)>();
        let span = Span {
            range,
            settled,
            lives,
        };
        self.spans.insert(group.first.clone(), span);
    }

    /// As the core judges them.
    pub fn tests(&self) -> impl Iterator<Item = Guard> {
        self.spans.values().flat_map(|span| {
            let Settled {
                count,
                newest,
                generation,
            } = span.settled;
            let lives = span.lives.then_some(Test::LivesUnchanged(generation));
            let tests = [Some(Test::Unchanged { count, newest }), lives];
            tests.into_iter().flatten().map(|test| Guard {
                range: span.range.clone(),
                test,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&'static str]) -> Vec<Bytes> {
        let own = |name: &&'static str| Bytes::from_static(name.as_bytes());
        names.iter().map(own).collect()
    }

    fn added(spans: &mut Spans, names: &[&'static str], settled: Settled) -> usize {
        let keys = keys(names);
        let groups = spans.groups(keys.iter().map(|key| (key, false)));
        groups.iter().for_each(|group| spans.add(group, settled));
        groups.len()
    }

    const AT_30: Settled = Settled {
        count: 2,
        newest: 30,
        generation: 4,
    };

    #[test]
    fn what_lies_within_is_known_unless_it_is_newer() {
        let mut spans = Spans::default();
        assert_eq!(added(&mut spans, &["k1", "k5"], AT_30), 1);
        assert_eq!(spans.look(b"k0", 3, None), Look::Outside);
        assert_eq!(spans.look(b"k50", 3, None), Look::Outside);
        assert_eq!(spans.look(b"k3", 30, None), Look::Known);
        assert_eq!(spans.look(b"k3", 0, None), Look::Known);
        assert_eq!(spans.look(b"k5", 31, None), Look::Newer);
        assert_eq!(spans.tests().count(), 1);
        assert_eq!(spans.look(b"k5", 30, Some(5)), Look::Newer);
        assert_eq!(spans.look(b"k5", 30, Some(4)), Look::Known);
        let lives = spans.tests().last().map(|guard| guard.test);
        assert_eq!(lives, Some(Test::LivesUnchanged(4)));
    }

    #[test]
    fn spans_do_not_overlap() {
        let mut spans = Spans::default();
        added(&mut spans, &["k4", "k6"], AT_30);
        assert_eq!(added(&mut spans, &["k1", "k2", "k8"], AT_30), 2);
        assert_eq!(spans.look(b"k3", 1, None), Look::Outside);
        assert_eq!(spans.look(b"k5", 1, None), Look::Known);
    }
}
