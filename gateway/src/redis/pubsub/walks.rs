//! Keys in the order in which SCAN shows them, of databases that are being walked: so that a call
//! costs what it shows, not what there is.
//!
//! A database gets its list with the first call, and keeps it as long as calls come. Changes come
//! from apply, after the state has them and before anybody is told, so that a list that has seen
//! the state's revision holds what the state holds. While a list is filled from the state, changes
//! are noted, and made once it is full: the last word on a key is the newest. A list that may have
//! missed something (keys that were swept, a snapshot that took the place of entries) is over.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use quorate_core::outcome::RevisionEvents;
use quorate_core::types::Revision;

use crate::redis::commands::key::place;
use crate::redis::keyspace::Keyspace;

/// More keys than these have no list: it takes some 60 bytes for each.
const KEYS_MAX: usize = 1_000_000;
/// How long a list is kept for the next call.
const IDLE: Duration = Duration::from_secs(30);
/// Of a list that is over so many go with each revision: apply waits meanwhile.
const FADING_KEYS: usize = 1_000;

/// What a call shows: names, where the next one goes on (0: nowhere), and the list that it is of.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown {
    pub names: Vec<Bytes>,
    pub next: u64,
    /// Keys of the list, and the revision that it holds.
    pub total: u64,
    pub revision: Revision,
}

struct List {
    /// Which of all that were ever made.
    number: u64,
    /// Every change up to here is in it, or noted.
    seen: Revision,
    used: Instant,
    content: Content,
}

enum Content {
    /// Keys that came or went while it is filled.
    Filling(Vec<(Bytes, bool)>),
    Ready(BTreeSet<(u64, Bytes)>),
    Over(BTreeSet<(u64, Bytes)>),
}

#[derive(Default)]
pub struct Walks {
    lists: Mutex<HashMap<u32, List>>,
    is_any: AtomicBool,
    made: AtomicU64,
}

impl Walks {
    /// Shows about `count` names from the place on; None if there is no list that holds what the
    /// state held at `revision`.
    pub fn show(&self, db: u32, from: u64, count: usize, revision: Revision) -> Option<Shown> {
        let mut lists = self.lists.lock();
        let list = lists.get_mut(&db)?;
        let Content::Ready(names) = &list.content else {
            return None;
        };
        if list.seen < revision {
            return None;
        }
        list.used = Instant::now();
        let (mut shown, mut last, mut next) = (Vec::new(), 0, 0);
        for (place, name) in names.range((from, Bytes::new())..) {
            // Names of one place stay together.
            if shown.len() >= count && *place != last {
                next = *place;
                break;
            }
            last = *place;
            shown.push(name.clone());
        }
        Some(Shown {
            names: shown,
            next,
            total: names.len() as u64,
            revision: list.seen,
        })
    }

    /// Makes a list, unless there is one or somebody is at it. `revision` reads the state's, `fill`
    /// gives the keys that there are, as they are at any time during the call.
    pub fn fill(
        &self,
        db: u32,
        revision: impl FnOnce() -> Revision,
        fill: impl FnOnce() -> Vec<Bytes>,
    ) {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let over;
        {
            let mut lists = self.lists.lock();
            over = match lists.get(&db).map(|list| &list.content) {
                Some(Content::Over(_)) => lists.remove(&db),
                Some(_) => return,
                None => None,
            };
            // First: who finds that there is none has changed the state before it is looked at.
            self.is_any.store(true, Ordering::SeqCst);
            let list = List {
                number,
                seen: revision(),
                used: Instant::now(),
                content: Content::Filling(Vec::new()),
            };
            lists.insert(db, list);
        }
        drop(over);
        let names = fill().into_iter().map(|name| (place(&name), name));
        let mut names: Vec<(u64, Bytes)> = names.collect();
        // A set is made of what is sorted at once.
        names.sort_unstable();
        let mut names: BTreeSet<(u64, Bytes)> = names.into_iter().collect();
        let mut lists = self.lists.lock();
        let own = lists.get_mut(&db).filter(|list| list.number == number);
        let Some(list) = own else {
            return;
        };
        if let Content::Filling(noted) = &mut list.content {
            for (name, is_there) in std::mem::take(noted) {
                change(&mut names, name, is_there);
            }
            list.used = Instant::now();
            list.content = Content::Ready(names);
        }
    }

    /// What a revision changed; on the apply thread.
    pub fn revision(&self, events: &RevisionEvents, keyspace: &Keyspace) {
        if !self.is_any.load(Ordering::SeqCst) {
            return;
        }
        let mut lists = self.lists.lock();
        for list in lists.values_mut() {
            let is_whole = events.swept.is_empty() && events.revision <= list.seen + 1;
            if !is_whole || list.used.elapsed() > IDLE {
                list.end();
            }
            list.seen = list.seen.max(events.revision);
        }
        for event in &events.events {
            let Some((db, name)) = keyspace.locate(&event.kv.key) else {
                continue;
            };
            if let Some(list) = lists.get_mut(&db) {
                list.note(name, !event.is_delete());
            }
        }
        lists.retain(|_, list| !list.fade());
        self.is_any.store(!lists.is_empty(), Ordering::SeqCst);
    }
}

impl List {
    fn end(&mut self) {
        self.content = match std::mem::replace(&mut self.content, Content::Filling(Vec::new())) {
            Content::Ready(names) | Content::Over(names) => Content::Over(names),
            Content::Filling(_) => Content::Over(BTreeSet::new()),
        };
    }

    fn note(&mut self, name: Bytes, is_there: bool) {
        match &mut self.content {
            Content::Filling(noted) if noted.len() < KEYS_MAX => noted.push((name, is_there)),
            Content::Ready(names) if names.len() < KEYS_MAX => change(names, name, is_there),
            Content::Filling(_) | Content::Ready(_) => self.end(),
            Content::Over(_) => {}
        }
    }

    /// Whether nothing is left of a list that is over.
    fn fade(&mut self) -> bool {
        let Content::Over(names) = &mut self.content else {
            return false;
        };
        let mut left = FADING_KEYS;
        while left > 0 && names.pop_first().is_some() {
            left -= 1;
        }
        names.is_empty()
    }
}

fn change(names: &mut BTreeSet<(u64, Bytes)>, name: Bytes, is_there: bool) {
    let named = (place(&name), name);
    if is_there {
        names.insert(named);
    } else {
        names.remove(&named);
    }
}

/// Whether a database of so many keys gets a list: few are looked at as quickly without one.
pub fn is_worthwhile(keys: u64) -> bool {
    (4_096..KEYS_MAX as u64).contains(&keys)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use quorate_core::outcome::{Cause, Event};
    use quorate_core::swept::Swept;
    use quorate_core::types::{KeyValue, Version};
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    /// A state of one database, and the list that follows it.
    struct Followed {
        walks: Walks,
        keyspace: Keyspace,
        keys: BTreeSet<Bytes>,
        revision: Revision,
    }

    impl Followed {
        fn new() -> Followed {
            Followed {
                walks: Walks::default(),
                keyspace: Keyspace::new("redis/"),
                keys: BTreeSet::new(),
                revision: 1,
            }
        }

        fn event(&mut self, key: &str, is_there: bool) -> Event {
            let name = Bytes::copy_from_slice(key.as_bytes());
            match is_there {
                true => self.keys.insert(name),
                false => self.keys.remove(&name),
            };
            let kv = KeyValue {
                key: self.keyspace.key(0, key.as_bytes()),
                modified: Version {
                    main: self.revision,
                    sub: 0,
                },
                version: i64::from(is_there),
                ..KeyValue::default()
            };
            Event {
                kv: Arc::new(kv),
                prev: None,
                cause: if is_there { Cause::Put } else { Cause::Delete },
            }
        }

        /// The state changes; the list is told when the events are given to it.
        fn change(&mut self, key: &str, is_there: bool) -> RevisionEvents {
            self.revision += 1;
            let event = self.event(key, is_there);
            RevisionEvents::new(self.revision, vec![event])
        }

        fn tell(&self, events: &RevisionEvents) {
            self.walks.revision(events, &self.keyspace);
        }

        fn fill(&self) {
            let names = || self.keys.iter().cloned().collect();
            self.walks.fill(0, || self.revision, names);
        }

        /// A whole walk; None if there is no list.
        fn walk(&self, count: usize) -> Option<Vec<Bytes>> {
            let (mut all, mut from) = (Vec::new(), 0);
            loop {
                let shown = self.walks.show(0, from, count, self.revision)?;
                assert_eq!(shown.total, self.keys.len() as u64);
                all.extend(shown.names);
                from = shown.next;
                if from == 0 {
                    all.sort_unstable();
                    return Some(all);
                }
            }
        }

        fn held(&self) -> Option<Vec<Bytes>> {
            Some(self.keys.iter().cloned().collect())
        }
    }

    #[test]
    fn a_list_follows_the_state() {
        for seed in 0..20 {
            let mut random = StdRng::seed_from_u64(seed);
            let mut followed = Followed::new();
            assert_eq!(followed.walk(10), None);
            for step in 0..400 {
                let key = format!("key {}", random.random_range(0..100));
                let events = followed.change(&key, random.random_bool(0.7));
                followed.tell(&events);
                if step == 50 {
                    followed.fill();
                }
                if step >= 50 && step % 20 == 0 {
                    let count = random.random_range(1..30);
                    assert_eq!(followed.walk(count), followed.held(), "seed {seed}");
                }
            }
        }
    }

    #[test]
    fn what_changes_while_a_list_is_filled_is_in_it() {
        let mut followed = Followed::new();
        let [kept, gone] = ["kept", "gone"].map(|key| followed.change(key, true));
        followed.tell(&kept);
        followed.tell(&gone);
        let begun = followed.revision;
        let looked_at: Vec<Bytes> = followed.keys.iter().cloned().collect();
        let walks = std::mem::take(&mut followed.walks);
        let keyspace = Keyspace::new("redis/");
        let changes = [
            ("gone", false),
            ("new", true),
            ("kept", false),
            ("kept", true),
        ];
        let changes = changes.map(|(key, is_there)| followed.change(key, is_there));
        let fill = || {
            let told = changes.iter();
            told.for_each(|events| walks.revision(events, &keyspace));
            looked_at
        };
        walks.fill(0, || begun, fill);
        followed.walks = walks;
        assert_eq!(followed.walk(1), followed.held());
    }

    #[test]
    fn a_list_that_is_behind_or_may_have_missed_something_is_not_shown() {
        let mut followed = Followed::new();
        followed.fill();
        let before = followed.revision;
        let events = followed.change("a", true);
        assert_eq!(followed.walk(10), None, "the list does not have it yet");
        assert!(followed.walks.show(0, 0, 10, before).is_some(), "what was");
        followed.tell(&events);
        assert_eq!(followed.walk(10), followed.held());
        // A snapshot took the place of an entry.
        drop(followed.change("b", true));
        let after = followed.change("c", true);
        followed.tell(&after);
        assert_eq!(followed.walk(10), None);
        followed.fill();
        assert_eq!(followed.walk(10), followed.held());

        followed.keys.clear();
        followed.revision += 1;
        let records = vec![followed.event("a", false).kv];
        followed.tell(&RevisionEvents {
            swept: vec![Swept {
                records,
                first: 0,
                cause: Cause::Flush,
                keeps_history: false,
            }],
            ..RevisionEvents::new(followed.revision, Vec::new())
        });
        assert_eq!(followed.walk(10), None);
        followed.fill();
        assert_eq!(followed.walk(10), followed.held());
    }
}
