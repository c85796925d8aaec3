//! What the state should do, said naively: all versions ever in one list, the current records in a
//! map, the whole copied for a txn and thrown away when it is refused.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use quorate_core::command::{Command, Guard, LeaseCommand, Relation, Test};
use quorate_core::outcome::{Cause, Event, Outcome, Refusal};
use quorate_core::state::Forgetful;
use quorate_core::types::{
    ClusterMillis, DERIVED_LEASE_TAG, Deadline, KeyValue, LeaseId, Now, Stamp, Value, Version,
};

use super::acts::{DERIVED_OF_KEY, KEYS};

#[derive(Clone, Default)]
pub struct Model {
    pub revision: i64,
    pub compacted: i64,
    pub now: Now,
    /// Every version, tombstones too, oldest first.
    pub versions: Vec<KeyValue>,
    pub current: BTreeMap<Bytes, KeyValue>,
    pub leases: BTreeMap<LeaseId, (u64, ClusterMillis)>,
    drawn: i64,
    /// Of the change under way; a write over one of its own takes that one's place.
    pub events: Vec<Event>,
    /// How often keys were changed in it.
    pub changes: u32,
    /// Records as they were before it changed their lives.
    pub lives_before: BTreeMap<Bytes, KeyValue>,
    /// Overrides the cause of what the next op changes.
    pub because: Option<Cause>,
    pub forgetful_newest: i64,
}

pub fn is_forgetful(key: &[u8]) -> bool {
    Forgetful::default().holds(key)
}

/// A record as models compare it: derived ids and generations are the state's own business.
pub fn plain(kv: &KeyValue) -> KeyValue {
    let mut kv = kv.clone();
    kv.life_generation = 0;
    if kv.lease.is_derived() {
        kv.lease = LeaseId(DERIVED_LEASE_TAG);
    }
    kv
}

pub struct NewLife {
    pub lease: LeaseId,
    pub deadline: Option<Deadline>,
    pub ttl_ms: u64,
}

impl Model {
    pub fn new() -> Model {
        Model {
            revision: 1,
            compacted: -1,
            ..Model::default()
        }
    }

    pub fn draw(&mut self) -> LeaseId {
        self.drawn += 1;
        LeaseId(DERIVED_LEASE_TAG | self.drawn)
    }

    fn next(&self) -> Version {
        Version {
            main: self.revision + 1,
            sub: self.changes,
        }
    }

    pub fn write(&mut self, key: &Bytes, value: Value, life: NewLife, cause: Cause) {
        let old = self.current.get(key).cloned();
        let modified = self.next();
        let kv = KeyValue {
            key: key.clone(),
            value,
            create_revision: old
                .as_ref()
                .map_or(modified.main, |old| old.create_revision),
            modified,
            version: old.as_ref().map_or(1, |old| {
                old.version + i64::from(old.modified.main < modified.main)
            }),
            lease: life.lease,
            deadline: life.deadline,
            ttl_ms: life.ttl_ms,
            life_generation: 0,
        };
        self.current.insert(key.clone(), kv.clone());
        self.record(kv, old, cause);
    }

    pub fn delete(&mut self, key: &Bytes, cause: Cause) {
        let old = self.current.remove(key);
        let kv = KeyValue {
            key: key.clone(),
            modified: self.next(),
            ..KeyValue::default()
        };
        self.record(kv, old, cause);
    }

    fn record(&mut self, kv: KeyValue, old: Option<KeyValue>, cause: Cause) {
        self.changes += 1;
        let mut earlier = self.events.iter();
        let earlier = earlier.rposition(|event| event.kv.key == kv.key);
        let earlier = earlier.filter(|at| !kv.is_tombstone() && !self.events[*at].is_delete());
        let prev = match earlier {
            Some(earlier) => {
                let event = self.events.remove(earlier);
                self.versions
                    .retain(|version| version.modified != event.kv.modified);
                event.prev
            }
            None => self.lives_before.remove(&kv.key).or(old).map(Arc::new),
        };
        self.versions.push(kv.clone());
        self.events.push(Event {
            kv: Arc::new(kv),
            prev,
            cause: self.because.unwrap_or(cause),
        });
    }

    /// A life that was set after the write in the same revision is part of the version.
    pub fn lives(&mut self, kv: &KeyValue) {
        let mut events = self.events.iter_mut();
        if let Some(event) = events.find(|event| event.kv.modified == kv.modified) {
            event.kv = Arc::new(kv.clone());
            let mut versions = self.versions.iter_mut();
            let written = versions.find(|version| version.modified == kv.modified);
            *written.expect("it is a version") = kv.clone();
        }
    }

    /// Ends what is due, and gives the events of each revision made.
    pub fn expire(&mut self) -> Vec<Vec<Event>> {
        let granted = self.leases.iter();
        let granted = granted.map(|(id, (_, end))| (Deadline::Clock(*end), *id));
        let own = self.current.values();
        let own = own.filter_map(|kv| Some((kv.deadline?, kv.lease)));
        let mut due: Vec<(Deadline, LeaseId)> = granted.chain(own).collect();
        due.retain(|(end, _)| end.is_over(self.now));
        // The longest due first.
        due.sort_by_key(|(end, id)| (Reverse(end.late_ms(self.now)), *id));
        let ended = due.into_iter().map(|(_, id)| self.end(id, Cause::Expired));
        ended.filter(|events| !events.is_empty()).collect()
    }

    pub fn end(&mut self, id: LeaseId, cause: Cause) -> Vec<Event> {
        let on_it = self.current.values().filter(|kv| kv.lease == id);
        let keys: Vec<Bytes> = on_it.map(|kv| kv.key.clone()).collect();
        keys.iter().for_each(|key| self.delete(key, cause));
        self.leases.remove(&id);
        self.close()
    }

    /// Makes the revision, if there is a change.
    pub fn close(&mut self) -> Vec<Event> {
        let events = std::mem::take(&mut self.events);
        self.changes = 0;
        self.lives_before.clear();
        self.revision += i64::from(!events.is_empty());
        if events.iter().any(|event| is_forgetful(&event.kv.key)) {
            self.forgetful_newest = self.revision;
        }
        events
    }

    /// The id that a stand-in means here.
    pub fn meant(&self, id: LeaseId) -> LeaseId {
        meant(id, |key| self.current.get(key))
    }

    pub fn advance(&mut self, stamp: Stamp) {
        self.now = stamp.now();
    }

    /// Anything but a txn; with the events of the revision it makes.
    pub fn command(&mut self, command: &Command) -> (Result<Outcome, Refusal>, Vec<Event>) {
        let outcome = match command {
            Command::Lease(LeaseCommand::Grant { id, ttl_ms }) => {
                match self.leases.contains_key(id) {
                    true => Err(Refusal::LeaseExists),
                    false => {
                        self.leases.insert(*id, (*ttl_ms, self.now.plus(*ttl_ms)));
                        Ok(Outcome::LeaseGranted {
                            id: *id,
                            ttl_ms: *ttl_ms,
                        })
                    }
                }
            }
            Command::Lease(LeaseCommand::Revoke(id)) => {
                let id = self.meant(*id);
                let lives = self.leases.contains_key(&id)
                    || (id.is_derived() && self.current.values().any(|kv| kv.lease == id));
                if lives {
                    return (Ok(Outcome::LeaseRevoked), self.end(id, Cause::Delete));
                }
                Err(Refusal::LeaseNotFound)
            }
            Command::Lease(LeaseCommand::Renew(ids)) => {
                let ids: Vec<LeaseId> = ids.iter().map(|id| self.meant(*id)).collect();
                Ok(Outcome::LeaseRenewed(
                    ids.into_iter().map(|id| self.renew(id)).collect(),
                ))
            }
            Command::Compact(to) if *to <= self.compacted => Err(Refusal::Compacted),
            Command::Compact(to) if *to > self.revision => Err(Refusal::FutureRevision),
            Command::Compact(to) => {
                self.compacted = *to;
                Ok(Outcome::Compacted)
            }
            Command::Tick => Ok(Outcome::Done),
            other => panic!("not made here: {other:?}"),
        };
        (outcome, Vec::new())
    }

    fn renew(&mut self, id: LeaseId) -> Option<u64> {
        if let Some((ttl_ms, deadline)) = self.leases.get_mut(&id) {
            *deadline = self.now.plus(*ttl_ms);
            return Some(*ttl_ms);
        }
        let found = |kv: &&mut KeyValue| kv.lease == id && id.is_derived();
        let kv = self.current.values_mut().find(found)?;
        kv.deadline = Some(Deadline::Clock(self.now.plus(kv.ttl_ms)));
        Some(kv.ttl_ms)
    }

    pub fn judge(&self, guard: &Guard) -> bool {
        let of_range = self
            .current
            .values()
            .filter(|kv| guard.range.contains(&kv.key));
        let records: Vec<&KeyValue> = of_range.collect();
        if let Test::Unchanged { count, newest } = &guard.test {
            return records.len() as u64 == *count
                && records.iter().all(|kv| kv.modified.main <= *newest);
        }
        if let Test::SameNames { count, newest } = &guard.test {
            return records.len() as u64 == *count
                && records.iter().all(|kv| kv.create_revision <= *newest);
        }
        if records.is_empty() {
            let nothing = KeyValue::default();
            return !matches!(guard.test, Test::Value(..)) && passes(&guard.test, &nothing);
        }
        records.iter().all(|kv| passes(&guard.test, kv))
    }
}

/// Resolves stand-ins; what hangs on nothing of its own is an id that nobody has drawn.
pub fn meant<'a>(id: LeaseId, get: impl Fn(&[u8]) -> Option<&'a KeyValue>) -> LeaseId {
    if id.0 > DERIVED_OF_KEY {
        return id;
    }
    let key = KEYS[(DERIVED_OF_KEY - id.0) as usize];
    let lease = get(key.as_bytes())
        .map(|kv| kv.lease)
        .filter(|lease| lease.is_derived());
    lease.unwrap_or(LeaseId(DERIVED_LEASE_TAG | 0xffff_ffff))
}

fn passes(test: &Test, kv: &KeyValue) -> bool {
    let (ordering, relation) = match test {
        Test::Version(relation, than) => (kv.version.cmp(than), relation),
        Test::CreateRevision(relation, than) => (kv.create_revision.cmp(than), relation),
        Test::ModRevision(relation, than) => (kv.modified.main.cmp(than), relation),
        Test::Lease(relation, than) => (kv.lease.0.cmp(&than.0), relation),
        Test::Value(relation, than) => match kv.value.as_bytes() {
            Some(value) => (value.cmp(than), relation),
            None => return false,
        },
        other => panic!("not made here: {other:?}"),
    };
    match relation {
        Relation::Equal => ordering == Ordering::Equal,
        Relation::NotEqual => ordering != Ordering::Equal,
        Relation::Greater => ordering == Ordering::Greater,
        Relation::Less => ordering == Ordering::Less,
    }
}
