//! What clients asked and were told, and what watchers saw, with simulated times in milliseconds.
//! Sent is the start of a step, acknowledged the end of one: what was acknowledged at a time came
//! before all that is sent at a later one.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use quorate_core::types::Revision;

use crate::network::MemberNumber;

/// One request of a client. Values and owners are used once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Put {
        key: String,
        value: String,
    },
    Delete {
        key: String,
    },
    Read {
        key: String,
    },
    /// Forget what is older.
    Compact {
        revision: Revision,
    },
    /// Put-if-absent with a life of its own.
    Acquire {
        lock: String,
        owner: String,
        ttl_ms: u64,
    },
    /// A new life for the lock that is held with this token.
    Renew {
        lock: String,
        token: Revision,
        ttl_ms: u64,
    },
    Release {
        lock: String,
        token: Revision,
    },
    Grant {
        lease: i64,
        ttl_ms: u64,
    },
    KeepAlive {
        lease: i64,
    },
    /// Put that hangs the key on a lease, whatever it hung on before.
    Attach {
        key: String,
        value: String,
        lease: i64,
    },
    Revoke {
        lease: i64,
    },
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It happened, and the store's revision then. False: the condition did not hold.
    Done {
        happened: bool,
        revision: Revision,
    },
    /// The store's revision, and the value with the revision of its last change.
    Value {
        revision: Revision,
        value: Option<(String, Revision)>,
    },
    /// It certainly did not happen.
    Refused(String),
    Unknown,
}

/// What is sent on one is carried out in the order in which it was sent. Who gives up waiting
/// closes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    pub client: usize,
    pub member: MemberNumber,
    /// Of those of the client.
    pub number: u64,
}

#[derive(Clone, Debug)]
pub struct Operation {
    pub connection: Connection,
    pub request: Request,
    pub sent: u64,
    /// When the answer came; for an unknown one never.
    pub acknowledged: Option<u64>,
    pub answer: Answer,
}

impl Operation {
    /// Whether it is known to have happened.
    pub fn happened(&self) -> bool {
        matches!(self.answer, Answer::Done { happened: true, .. })
    }

    /// Whether it is known to have been denied by what it found.
    pub fn denied(&self) -> bool {
        matches!(
            self.answer,
            Answer::Done {
                happened: false,
                ..
            }
        )
    }

    /// The revision of a change of a key that is known to have happened.
    pub fn changed_at(&self) -> Option<Revision> {
        let changes = matches!(
            self.request,
            Request::Put { .. }
                | Request::Delete { .. }
                | Request::Acquire { .. }
                | Request::Release { .. }
                | Request::Attach { .. }
        );
        match self.answer {
            Answer::Done { revision, .. } if changes && self.happened() => Some(revision),
            _ => None,
        }
    }
}

/// One change of one key as a watcher saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub key: String,
    /// None: deleted.
    pub value: Option<String>,
    pub expired: bool,
}

/// One answer of a watcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    Changes {
        revision: Revision,
        changes: Vec<Change>,
    },
    /// What comes before this revision can't be had any more.
    Compacted(Revision),
}

/// A watcher that goes on where it was when its member restarts.
#[derive(Clone, Debug)]
pub struct Observer {
    pub member: MemberNumber,
    /// Empty: every key.
    pub prefix: &'static str,
    pub next: Revision,
    pub sights: Vec<(u64, Sight)>,
}

impl Observer {
    /// How often it was told that it can't have something.
    pub fn gaps(&self) -> usize {
        let gaps = |(_, sight): &&(u64, Sight)| matches!(sight, Sight::Compacted(_));
        self.sights.iter().filter(gaps).count()
    }
}

/// What everybody agrees has happened.
#[derive(Clone, Debug, Default)]
pub struct Happened {
    /// When it was first seen.
    pub seen: u64,
    pub changes: Vec<Change>,
}

#[derive(Default)]
pub struct History {
    pub now: u64,
    pub operations: Vec<Operation>,
    pub observers: Vec<Observer>,
}

pub type Shared = Arc<Mutex<History>>;

impl History {
    /// All changes by revision, from the watchers of every key.
    ///
    /// # Errors
    /// If two saw different changes at one revision, or none saw one.
    pub fn happened(&self) -> Result<BTreeMap<Revision, Happened>, String> {
        let mut all: BTreeMap<Revision, Happened> = BTreeMap::new();
        for observer in self.observers.iter().filter(|o| o.prefix.is_empty()) {
            for (at, sight) in &observer.sights {
                let Sight::Changes { revision, changes } = sight else {
                    continue;
                };
                let known = all.entry(*revision).or_insert_with(|| Happened {
                    seen: *at,
                    changes: changes.clone(),
                });
                known.seen = known.seen.min(*at);
                if known.changes != *changes {
                    return Err(format!(
                        "revision {revision} is {:?} to one watcher and {changes:?} to another",
                        known.changes
                    ));
                }
            }
        }
        for (revision, expected) in all.keys().zip(2..) {
            if *revision != expected {
                return Err(format!("no watcher saw revision {expected}"));
            }
        }
        Ok(all)
    }
}
