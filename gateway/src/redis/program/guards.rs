//! What a program has read, as conditions under which its effects may happen.
//!
//! A key is guarded by its modification revision (0: absent); by its life generation only if the
//! program looked at its life, since renewals are frequent and most programs don't care. Of a range
//! the names are guarded, not what they stand for: whoever wants to know that reads the key.

use std::collections::BTreeMap;

use bytes::Bytes;
use quorate_core::command::{Guard, Relation, Test};
use quorate_core::types::{KeyRange, Revision};

/// The guards recorded so far. What was read twice and differed was read at two instants; no guard
/// would find that out if it came back to what it was.
#[derive(Clone, Debug, Default)]
pub struct Guards {
    keys: BTreeMap<Bytes, KeyGuard>,
    /// About the memory of the keys.
    bytes: usize,
    ranges: Vec<RangeGuard>,
    is_torn: bool,
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
        self.entry(key, modified);
    }

    /// A key's life was read, at this generation (0: absent).
    pub fn life(&mut self, key: &Bytes, modified: Revision, generation: u64) {
        let guard = self.entry(key, modified);
        let first = *guard.life.get_or_insert(generation);
        self.is_torn |= first != generation;
    }

    fn entry(&mut self, key: &Bytes, modified: Revision) -> &mut KeyGuard {
        let guard = self.keys.entry(key.clone()).or_insert_with(|| {
            self.bytes += key.len() + size_of::<(Bytes, KeyGuard)>() + size_of::<Guard>();
            KeyGuard {
                modified,
                life: None,
            }
        });
        self.is_torn |= guard.modified != modified;
        guard
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The names of a range were read: there were `count`, none made after `newest`. With the
    /// highest revision they were only counted.
    pub fn names(&mut self, range: &KeyRange, count: u64, newest: Revision) {
        match self.ranges.iter_mut().find(|guard| guard.range == *range) {
            Some(guard) => {
                self.is_torn |= guard.count != count;
                guard.newest = guard.newest.min(newest);
            }
            None => self.ranges.push(RangeGuard {
                range: range.clone(),
                count,
                newest,
            }),
        }
    }

    /// Whether what was read can't have been there at one instant.
    pub fn is_torn(&self) -> bool {
        self.is_torn
    }

    /// Whether names were looked for, which takes long.
    pub fn has_ranges(&self) -> bool {
        !self.ranges.is_empty()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.ranges.is_empty()
    }

    /// One key that was read is consistent by itself, if each time it was the same; the names of a
    /// range are read in pages.
    pub fn is_single_read(&self) -> bool {
        self.keys.len() <= 1 && self.ranges.is_empty() && !self.is_torn
    }

    /// As the core judges them.
    pub fn to_tests(&self) -> Vec<Guard> {
        let mut tests = Vec::with_capacity(self.keys.len() + self.ranges.len());
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
        for RangeGuard {
            range,
            count,
            newest,
        } in &self.ranges
        {
            let test = Test::SameNames {
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
    fn what_was_read_twice_and_differed_is_torn() {
        let key = Bytes::from("k");
        let mut guards = Guards::default();
        guards.key(&key, 0);
        guards.key(&key, 7);
        assert!(guards.is_torn(), "it came, and may have gone again");
        assert!(!guards.is_single_read());
        let mut guards = Guards::default();
        guards.life(&key, 7, 1);
        guards.life(&key, 7, 2);
        assert!(guards.is_torn());
        let range = KeyRange::prefix(b"k");
        let mut guards = Guards::default();
        guards.names(&range, 2, 5);
        guards.names(&range, 2, 7);
        assert!(!guards.is_torn());
        guards.names(&range, 3, 8);
        assert!(guards.is_torn());
    }

    #[test]
    fn a_range_has_one_guard() {
        let range = KeyRange::prefix(b"k");
        let mut guards = Guards::default();
        guards.names(&range, 2, Revision::MAX);
        guards.names(&range, 2, 5);
        guards.names(&range, 2, 7);
        let tests = guards.to_tests();
        let test = Test::SameNames {
            count: 2,
            newest: 5,
        };
        assert_eq!((tests.len(), &tests[0].test), (1, &test));
    }

    #[test]
    fn a_key_is_guarded_with_its_life_if_that_was_looked_at() {
        let mut guards = Guards::default();
        let key = Bytes::from("k");
        guards.key(&key, 5);
        guards.life(&key, 5, 3);
        assert!(!guards.is_torn());
        let tests = guards.to_tests();
        assert_eq!(tests.len(), 2);
        assert_eq!(tests[0].test, Test::ModRevision(Relation::Equal, 5));
        assert_eq!(tests[1].test, Test::LifeGeneration(3));
    }
}
