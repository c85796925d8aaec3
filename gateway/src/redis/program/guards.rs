//! What a program has read, as conditions under which its effects may happen.
//!
//! A key is guarded by its modification revision (0: absent); by its life generation only if the
//! program looked at its life, since renewals are frequent and most programs don't care.

use std::collections::BTreeMap;

use bytes::Bytes;
use quorate_core::command::{Guard, Relation, Test};
use quorate_core::types::{KeyRange, Revision};

/// The guards recorded so far. The first reading of a key counts: a later one that differs means
/// that the first no longer holds, and the guard will say so.
#[derive(Clone, Debug, Default)]
pub struct Guards {
    keys: BTreeMap<Bytes, KeyGuard>,
    /// About the memory of the keys.
    bytes: usize,
    ranges: Vec<RangeGuard>,
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
        guard.life.get_or_insert(generation);
    }

    fn entry(&mut self, key: &Bytes, modified: Revision) -> &mut KeyGuard {
        self.keys.entry(key.clone()).or_insert_with(|| {
            self.bytes += key.len() + size_of::<(Bytes, KeyGuard)>() + size_of::<Guard>();
            KeyGuard {
                modified,
                life: None,
            }
        })
    }

    pub fn bytes(&self) -> usize {
        self.bytes
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
        self.keys.is_empty() && self.ranges.is_empty()
    }

    /// One read of one key is consistent by itself.
    pub fn is_single_read(&self) -> bool {
        self.keys.len() + self.ranges.len() <= 1
    }

    /// The keys guarded one by one.
    pub fn keys(&self) -> impl Iterator<Item = &Bytes> {
        self.keys.keys()
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
}
