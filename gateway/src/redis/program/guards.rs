//! What a program has read, as conditions under which its effects may happen.
//!
//! A key is guarded by its modification revision (0: absent); by its life generation only if the
//! program looked at its life, since renewals are frequent and most programs don't care. Many
//! single keys become a few spans (`spans`). Of a range the names are guarded, not what they stand
//! for: whoever wants to know that reads the key.

use std::collections::BTreeMap;

use bytes::Bytes;
use quorate_core::command::{Guard, Relation, Test};
use quorate_core::types::{KeyRange, Revision, UnixMillis};

use super::spans::{Group, Look, Settled, Spans};

/// Memory of single guards, before they become spans. They are part of what is proposed.
const SINGLE_BYTES_MAX: usize = 512 * 1024;

/// The guards recorded so far. What was read twice and differed was read at two instants; no guard
/// would find that out if it came back to what it was.
#[derive(Clone, Debug, Default)]
pub struct Guards {
    keys: BTreeMap<Bytes, KeyGuard>,
    /// About the memory of the keys.
    bytes: usize,
    ranges: Vec<RangeGuard>,
    spans: Spans,
    /// By their SHA-1: whether the cache held them.
    scripts: BTreeMap<Bytes, bool>,
    /// The first point of wall time that was to come.
    wall_before: Option<UnixMillis>,
    is_torn: bool,
}

#[derive(Clone, Copy, Debug)]
struct KeyGuard {
    modified: Revision,
    life: Option<u64>,
}

impl KeyGuard {
    /// Guards the life, too; whether it was seen at another generation before.
    fn is_torn_by(&mut self, generation: u64) -> bool {
        *self.life.get_or_insert(generation) != generation
    }
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

    /// The life of a key matters that was read before, at this generation.
    pub fn life_of_read(&mut self, key: &Bytes, generation: u64) {
        match self.keys.get_mut(key) {
            Some(guard) => self.is_torn |= guard.is_torn_by(generation),
            None => self.is_torn |= self.spans.look(key, 0, Some(generation)) == Look::Newer,
        }
    }

    fn read(&mut self, key: &Bytes, modified: Revision, life: Option<u64>) {
        match self.spans.look(key, modified, life) {
            Look::Known => return,
            Look::Newer => {
                self.is_torn = true;
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
        self.is_torn |= guard.modified != modified;
        if let Some(generation) = life {
            self.is_torn |= guard.is_torn_by(generation);
        }
    }

    pub fn bytes(&self) -> usize {
        self.bytes + self.spans.bytes()
    }

    /// Whether the single guards are so many that they have to become spans: those of `groups`.
    pub fn are_many(&self) -> bool {
        self.bytes > SINGLE_BYTES_MAX
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

    /// The cache of scripts was asked for one, and held it or not.
    pub fn script(&mut self, sha1: &Bytes, kept: bool) {
        let first = *self.scripts.entry(sha1.clone()).or_insert(kept);
        self.is_torn |= first != kept;
    }

    /// It matters that a point of wall time has not come.
    pub fn before(&mut self, point: UnixMillis) {
        let first = self.wall_before.map_or(point, |first| first.min(point));
        self.wall_before = Some(first);
    }

    fn wall_test(&self) -> Option<Guard> {
        Some(Guard {
            range: KeyRange::Key(Bytes::new()),
            test: Test::WallBefore(self.wall_before?),
        })
    }

    /// Whether what was read can't have been there at one instant.
    pub fn is_torn(&self) -> bool {
        self.is_torn
    }

    /// Whether names were looked for, which takes long.
    pub fn has_ranges(&self) -> bool {
        !self.ranges.is_empty()
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

    fn script_tests(&self) -> impl Iterator<Item = Guard> {
        self.scripts.iter().map(|(sha1, kept)| Guard {
            range: KeyRange::Key(Bytes::new()),
            test: Test::Script {
                sha1: sha1.clone(),
                kept: *kept,
            },
        })
    }

    /// The groups as they stood at an instant at which the single guards held; None: they did not.
    pub fn settle(&mut self, groups: &[Group], settled: Option<Vec<Settled>>) {
        match settled {
            Some(settled) => groups
                .iter()
                .zip(settled)
                .for_each(|(group, settled)| self.spans.add(group, settled)),
            None => self.is_torn = true,
        }
        self.keys.clear();
        self.bytes = 0;
    }

    pub fn is_empty(&self) -> bool {
        self.has_no_key() && self.scripts.is_empty() && !self.is_torn
    }

    /// Whether there is nothing to know but that the cache holds scripts, as it did here.
    pub fn is_of_kept_scripts(&self) -> bool {
        self.has_no_key() && self.scripts.values().all(|kept| *kept)
    }

    fn has_no_key(&self) -> bool {
        self.keys.is_empty() && self.ranges.is_empty() && self.spans.is_empty()
    }

    /// One key that was read is consistent by itself, if each time it was the same; the names of a
    /// range are read in pages.
    pub fn is_single_read(&self) -> bool {
        let others = self.ranges.is_empty() && self.spans.is_empty() && self.scripts.is_empty();
        self.keys.len() <= 1 && others && !self.is_torn
    }

    /// As the core judges them.
    pub fn to_tests(&self) -> Vec<Guard> {
        let mut tests = self.single_tests();
        tests.extend(self.spans.tests());
        tests.extend(self.script_tests());
        tests.extend(self.wall_test());
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
    fn of_points_of_time_the_first_is_guarded() {
        let mut guards = Guards::default();
        [7, 5, 9]
            .into_iter()
            .for_each(|point| guards.before(UnixMillis(point)));
        let tests: Vec<Test> = guards.to_tests().into_iter().map(|g| g.test).collect();
        assert_eq!(tests, [Test::WallBefore(UnixMillis(5))]);
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
    fn of_the_cache_whether_it_holds_a_script_is_guarded() {
        let (one, other) = (Bytes::from("one"), Bytes::from("other"));
        let mut guards = Guards::default();
        guards.script(&one, true);
        guards.script(&one, true);
        assert!(guards.is_of_kept_scripts() && !guards.is_empty());
        assert_eq!(guards.to_tests().len(), 1);
        guards.script(&other, false);
        assert!(!guards.is_of_kept_scripts(), "a quorum may know it");
        let test = Test::Script {
            sha1: other,
            kept: false,
        };
        assert_eq!(guards.to_tests()[1].test, test);
        guards.script(&one, false);
        assert!(guards.is_torn());
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
        assert!(guards.is_torn());
        assert!(!guards.is_empty() && !guards.is_single_read());
    }
}
