//! Makes changes as apply would, and says what the store must then hold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::Rng;
use rand::rngs::StdRng;

use crate::outcome::{Cause, Event, LeaseChange, RevisionEvents};
use crate::swept::Swept;
use crate::types::{ClusterMillis, Deadline, KeyValue, LeaseId, Revision, Value, Version};
use crate::versions::{Change, Medium, Opened, Options, Part, Position, Versions};

pub const CLUSTER: u64 = 0xc1;

pub fn options() -> Options {
    Options {
        durable_every: Duration::from_millis(5),
        compaction_rows: 4,
        no_space_retry: Duration::from_millis(5),
        recent_revisions_max: 10,
        cache_bytes: 1024 * 1024,
        ..Options::default()
    }
}

pub fn open(medium: Arc<dyn Medium>) -> Opened {
    Versions::open(medium, CLUSTER, options(), |why| panic!("fatal: {why}")).unwrap()
}

pub fn parts(opened: Opened) -> Vec<Part> {
    opened.parts.map(Result::unwrap).collect()
}

/// A small State of its own.
#[derive(Clone)]
pub struct Maker {
    pub index: u64,
    pub revision: Revision,
    pub compact_revision: Revision,
    pub forgotten_below: Revision,
    pub keys: BTreeMap<Bytes, Arc<KeyValue>>,
    events: Vec<Event>,
    swept: Vec<Swept>,
    change: Change,
}

impl Default for Maker {
    fn default() -> Maker {
        Maker {
            index: 0,
            revision: 1,
            compact_revision: -1,
            forgotten_below: 0,
            keys: BTreeMap::new(),
            events: Vec::new(),
            swept: Vec::new(),
            change: Change::default(),
        }
    }
}

impl Maker {
    pub fn put(&mut self, key: &str, value: &str) -> &mut Maker {
        self.put_on(key, value, 0)
    }

    pub fn put_on(&mut self, key: &str, value: &str, lease: i64) -> &mut Maker {
        let key = Bytes::copy_from_slice(key.as_bytes());
        let prev = self.keys.get(&key).cloned();
        let modified = self.next_version();
        let kv = Arc::new(KeyValue {
            key: key.clone(),
            value: Value::Bytes(Bytes::copy_from_slice(value.as_bytes())),
            create_revision: prev
                .as_ref()
                .map_or(modified.main, |prev| prev.create_revision),
            modified,
            version: prev.as_ref().map_or(0, |prev| prev.version) + 1,
            lease: LeaseId(lease),
            ..KeyValue::default()
        });
        self.keys.insert(key, kv.clone());
        self.events.push(Event {
            kv,
            prev,
            cause: Cause::Put,
        });
        self
    }

    pub fn delete(&mut self, key: &str) -> &mut Maker {
        let Some(prev) = self.keys.remove(key.as_bytes()) else {
            return self;
        };
        let modified = self.next_version();
        let kv = Arc::new(KeyValue {
            key: prev.key.clone(),
            modified,
            ..KeyValue::default()
        });
        self.events.push(Event {
            kv,
            prev: Some(prev),
            cause: Cause::Delete,
        });
        self
    }

    /// Sweeps the keys of a prefix.
    pub fn sweep(&mut self, prefix: &str) -> &mut Maker {
        let first = self.next_version().sub;
        let gone = self
            .keys
            .extract_if(.., |key, _| key.starts_with(prefix.as_bytes()));
        let records: Vec<_> = gone.map(|(_, record)| record).collect();
        if !records.is_empty() {
            self.swept.push(Swept {
                records,
                first,
                cause: Cause::Flush,
                keeps_history: !prefix.starts_with("redis/"),
            });
        }
        self
    }

    pub fn life(&mut self, key: &str, deadline: u64) -> &mut Maker {
        let Some(kv) = self.keys.get_mut(key.as_bytes()) else {
            return self;
        };
        let mut newer = KeyValue::clone(kv);
        newer.deadline = Some(Deadline::Clock(ClusterMillis(deadline)));
        newer.life_generation += 1;
        *kv = Arc::new(newer);
        self.change.lives.push(kv.clone());
        self
    }

    pub fn lease(&mut self, id: i64, ttl_ms: Option<u64>) -> &mut Maker {
        let id = LeaseId(id);
        let deadline = ClusterMillis(self.index + 100);
        self.change.leases.push(match ttl_ms {
            Some(ttl_ms) => LeaseChange::Kept {
                id,
                ttl_ms,
                deadline,
            },
            None => LeaseChange::Gone(id),
        });
        self
    }

    pub fn item(&mut self, name: &'static str, item: Option<&'static str>) -> &mut Maker {
        let item = item.map(|item| Bytes::from_static(item.as_bytes()));
        self.change
            .items
            .push((Bytes::from_static(name.as_bytes()), item));
        self
    }

    pub fn membership(&mut self, membership: &'static str) -> &mut Maker {
        self.change.membership = Some(Bytes::from_static(membership.as_bytes()));
        self
    }

    pub fn compact(&mut self, revision: Revision) -> &mut Maker {
        self.compact_revision = revision;
        self
    }

    pub fn forget(&mut self, below: Revision) -> &mut Maker {
        self.forgotten_below = below;
        self
    }

    /// The change of all that was done since the last call.
    pub fn make(&mut self) -> Change {
        self.index += 1;
        let mut change = std::mem::take(&mut self.change);
        let events = std::mem::take(&mut self.events);
        let made = RevisionEvents {
            swept: std::mem::take(&mut self.swept),
            ..RevisionEvents::new(self.revision + 1, events)
        };
        if !made.is_empty() {
            self.revision += 1;
            change.revisions.push(Arc::new(made));
        }
        change.position = Position {
            term: 1,
            leader: 7,
            index: self.index,
        };
        change.revision = self.revision;
        change.compact_revision = self.compact_revision;
        change.forgotten_below = self.forgotten_below;
        change.state = Some(format!("state {}", self.index).into());
        change
    }

    /// A change of anything.
    pub fn random(&mut self, random: &mut StdRng) -> Change {
        for _ in 0..random.random_range(0..4) {
            let kind = if random.random_bool(0.3) {
                "redis/0/"
            } else {
                "etcd/"
            };
            let key = format!("{kind}{}", random.random_range(0..8));
            match random.random_range(0..10) {
                0..5 => {
                    let size = random.random_range(0..400);
                    self.put(&key, &"v".repeat(size));
                }
                5..7 => {
                    self.delete(&key);
                    if random.random_bool(0.2) {
                        self.sweep("redis/");
                    }
                    if random.random_bool(0.1) {
                        self.sweep("etcd/");
                    }
                }
                7..8 => {
                    self.life(&key, random.random_range(1..1000));
                }
                8..9 => {
                    let ttl = random.random_bool(0.7).then_some(1000);
                    self.lease(random.random_range(1..5), ttl);
                }
                _ if self.revision > 3 => {
                    let revision = random.random_range(self.compact_revision.max(1)..self.revision);
                    self.compact(revision.max(self.compact_revision))
                        .forget(revision);
                }
                _ => {}
            }
        }
        self.make()
    }

    fn next_version(&self) -> Version {
        let swept = self.swept.iter().map(|swept| swept.records.len());
        Version {
            main: self.revision + 1,
            sub: (self.events.len() + swept.sum::<usize>()) as u32,
        }
    }
}

/// What is visible of restored parts: the order and what compaction has hidden left out.
pub fn visible(parts: Vec<Part>, compact_revision: Revision) -> Vec<Part> {
    let mut newest_hidden: BTreeMap<Bytes, Version> = BTreeMap::new();
    for part in &parts {
        if let Part::Version(kv) = part
            && kv.modified.main <= compact_revision
        {
            newest_hidden.insert(kv.key.clone(), kv.modified);
        }
    }
    let is_visible = |part: &Part| match part {
        Part::Version(kv) if kv.modified.main <= compact_revision => {
            newest_hidden[&kv.key] == kv.modified
                && !(kv.is_tombstone() && kv.modified.main < compact_revision)
        }
        _ => true,
    };
    parts.into_iter().filter(is_visible).collect()
}
