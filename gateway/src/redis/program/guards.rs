//! What a program has read, as conditions under which its effects may happen.
//!
//! A key is guarded by its modification revision (0: absent); by its life generation only if the
//! program looked at its life, since renewals are frequent and most programs don't care. Many
//! single keys become a few spans (`spans`).

use std::collections::BTreeMap;

use bytes::Bytes;
use quorate_core::command::{Guard, Relation, Test};
use quorate_core::types::{KeyRange, Revision};

use super::spans::{Group, Look, Settled, Spans};

/// Memory of single guards, before they become spans. They are part of what is proposed.
const SINGLE_BYTES_MAX: usize = 512 * 1024;

/// What holds in no state.
const NEVER: Test = Test::Unchanged {
    count: u64::MAX,
    newest: 0,
};

/// The guards recorded so far. The first reading of a key counts: a later one that differs means
/// that the first no longer holds, and the guard will say so.
#[derive(Clone, Debug, Default)]
pub struct Guards {
    keys: BTreeMap<Bytes, KeyGuard>,
    /// About the memory of the keys.
    bytes: usize,
    ranges: Vec<RangeGuard>,
    spans: Spans,
    /// What was read is no longer there.
    is_lost: bool,
}

#[derive(Clone, Copy, Debug)]
struct KeyGuard {
    modified: Revision,
    life: Option<u64>,
}

#[derive(Clone, Debug)]
struct RangeGuard {
    range: KeyRange,
    count: u64,
    newest: Revision,
}

impl Guards {
    /// A key was read at `modified` (0: absent).
    pub fn key(&mut self, key: &Bytes, modified: Revision) {
        self.read(key, modified, None);
    }

    /// A key's life was read, at this generation (0: absent).
    pub fn life(&mut self, key: &Bytes, modified: Revision, generation: u64) {
        self.read(key, modified, Some(generation));
    }

    fn read(&mut self, key: &Bytes, modified: Revision, life: Option<u64>) {
        match self.spans.look(key, modified, life) {
            Look::Known => return,
            Look::Newer => {
                self.is_lost = true;
                return;
            }
            Look::Outside => {}
        }
        let guard = self.keys.entry(key.clone()).or_insert_with(|| {
            self.bytes += key.len() + size_of::<(Bytes, KeyGuard)>() + size_of::<Guard>();
            KeyGuard {
                modified,
                life: None,
            }
        });
        guard.life = guard.life.or(life);
    }

    pub fn bytes(&self) -> usize {
        self.bytes + self.spans.bytes()
    }

    /// Whether the single guards are so many that they have to become spans: those of `groups`.
    pub fn are_many(&self) -> bool {
        self.bytes > SINGLE_BYTES_MAX
    }

    pub fn groups(&self) -> Vec<Group> {
        let keys = self.keys.iter();
        self.spans
            .groups(keys.map(|(key, guard)| (key, guard.life.is_some())))
    }

    /// The guards of single keys, as the core judges them.
    pub fn single_tests(&self) -> Vec<Guard> {
        let mut tests = Vec::with_capacity(self.keys.len());
        for (key, guard) in &self.keys {
            let range = KeyRange::Key(key.clone());
            let test = Test::ModRevision(Relation::Equal, guard.modified);
            tests.push(Guard {
                range: range.clone(),
                test,
            });
            if let Some(generation) = guard.life {
                tests.push(Guard {
                    range,
                    test: Test::LifeGeneration(generation),
                });
            }
        }
        tests
    }

    /// The groups as they stood at an instant at which the single guards held; None: they did not.
    pub fn settle(&mut self, groups: &[Group], settled: Option<Vec<Settled>>) {
        match settled {
            Some(settled) => groups
                .iter()
                .zip(settled)
                .for_each(|(group, settled)| self.spans.add(group, settled)),
            None => self.is_lost = true,
        }
        self.keys.clear();
        self.bytes = 0;
    }

    /// A whole range was read: it had `count` keys, none newer than `newest`.
    pub fn range(&mut self, range: &KeyRange, count: u64, newest: Revision) {
        self.ranges.push(RangeGuard {
            range: range.clone(),
            count,
            newest,
        });
    }

    pub fn is_empty(&self) -> bool {
        let has_none = self.keys.is_empty() && self.ranges.is_empty() && self.spans.is_empty();
        has_none && !self.is_lost
    }

    /// One read of one key is consistent by itself.
    pub fn is_single_read(&self) -> bool {
        let of_many = !self.spans.is_empty() || self.is_lost;
        !of_many && self.keys.len() + self.ranges.len() <= 1
    }

    /// The keys guarded one by one.
    pub fn keys(&self) -> impl Iterator<Item = &Bytes> {
        self.keys.keys()
    }

    /// As the core judges them.
    pub fn to_tests(&self) -> Vec<Guard> {
        if self.is_lost {
            let range = KeyRange::Key(Bytes::new());
            return vec![Guard { range, test: NEVER }];
        }
        let mut tests = self.single_tests();
        tests.extend(self.spans.tests());
        for RangeGuard {
            range,
            count,
            newest,
        } in &self.ranges
        {
            let test = Test::Unchanged {
                count: *count,
                newest: *newest,
            };
            tests.push(Guard {
                range: range.clone(),
                test,
            });
        }
        tests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reading_of_a_key_counts() {
        let mut guards = Guards::default();
        let key = Bytes::from("k");
        guards.key(&key, 5);
        guards.life(&key, 7, 3);
        let tests = guards.to_tests();
        assert_eq!(tests.len(), 2);
        assert_eq!(tests[0].test, Test::ModRevision(Relation::Equal, 5));
        assert_eq!(tests[1].test, Test::LifeGeneration(3));
    }

    fn many() -> Guards {
        let mut guards = Guards::default();
        for n in 0.. {
            if guards.are_many() {
                break;
            }
            guards.life(&Bytes::from(format!("k{n:06}")), 5, 3);
        }
        guards
    }

    #[test]
    fn many_become_few() {
        let mut guards = many();
        let groups = guards.groups();
        let settled = Settled {
            count: 7,
            newest: 9,
            generation: 3,
        };
        guards.settle(&groups, Some(vec![settled; groups.len()]));
        let tests = guards.to_tests();
        assert!(tests.len() < 20, "{}", tests.len());
        let (count, newest) = (7, 9);
        assert_eq!(tests[0].test, Test::Unchanged { count, newest });
        assert_eq!(tests[1].test, Test::LivesUnchanged(3));
        guards.key(&Bytes::from("k000001"), 5);
        assert_eq!(guards.to_tests().len(), tests.len(), "known already");
        assert!(!guards.is_single_read());
    }

    #[test]
    fn what_has_lost_stays_lost() {
        let mut guards = many();
        let groups = guards.groups();
        guards.settle(&groups, None);
        guards.key(&Bytes::from("k"), 1);
        let tests = guards.to_tests();
        assert_eq!((tests.len(), &tests[0].test), (1, &NEVER));
        assert!(!guards.is_empty() && !guards.is_single_read());
    }
}
