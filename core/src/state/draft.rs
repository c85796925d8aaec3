//! A write view: what a command would change, seen by its own later ops and by nobody else. It is
//! committed as a whole or dropped without a trace; an inner txn that fails is rolled back.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::apply::State;
use super::forgetful;
use super::read_room::ReadRoom;
use crate::command::Life;
use crate::outcome::{Cause, Event, Notice, PastRead, Refusal};
use crate::types::{
    DERIVED_LEASE_TAG, Deadline, KeyRange, KeyValue, LeaseId, Revision, Value, Version,
};

/// Bytes of a value that are rather copied than shared.
const PACKED_VALUE_MAX: usize = 4 * 1024;

/// Keys of a range that are swept rather than deleted one by one: at least so many.
const SWEPT_MIN: u64 = 64;

/// All keys of a range without history, deleted together.
pub(super) struct Sweep {
    pub(super) range: KeyRange,
    pub(super) count: usize,
    /// The sub-revision of the first.
    pub(super) first: u32,
    pub(super) cause: Cause,
}

/// One change, in order.
pub(super) enum Change {
    Event(Event),
    Sweep(Sweep),
    /// A life changed without a revision: the record before and after.
    Life {
        old: Arc<KeyValue>,
        new: Arc<KeyValue>,
    },
}

pub(super) struct Draft<'a> {
    pub(super) state: &'a State,
    /// Keys as they are on this view; None: deleted.
    overlay: BTreeMap<Bytes, Option<Arc<KeyValue>>>,
    /// Ranges that are hidden below the overlay.
    swept: Vec<KeyRange>,
    pub(super) changes: Vec<Change>,
    pub(super) notices: Vec<Notice>,
    events: u32,
    /// Overrides the cause of what the next op changes.
    pub(super) because: Option<Cause>,
    pub(super) life_counter: u64,
    pub(super) derived_counter: u64,
    pub(super) read_room: ReadRoom,
    /// Whether somebody here waits for the results.
    pub(super) is_answered: bool,
    /// Where the op stands that is worked out.
    pub(super) path: Vec<usize>,
    /// Ranges at old revisions, and what their results may hold.
    pub(super) past: Vec<PastRead>,
    pub(super) past_room: ReadRoom,
}

/// Where to roll back to.
pub(super) struct Savepoint {
    changes: usize,
    notices: usize,
    past: usize,
    events: u32,
}

/// A key's life, resolved to what its record says.
#[derive(Clone, Copy)]
pub(super) struct NewLife {
    pub(super) lease: LeaseId,
    pub(super) deadline: Option<Deadline>,
    pub(super) ttl_ms: u64,
}

impl NewLife {
    pub(super) const FOREVER: NewLife = NewLife {
        lease: LeaseId::NONE,
        deadline: None,
        ttl_ms: 0,
    };
}

type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// The bounds of a range, or none if it is empty.
fn bounds(range: &KeyRange) -> Option<Bounds<'_>> {
    match range {
        KeyRange::Key(key) => Some((Bound::Included(key), Bound::Included(key))),
        KeyRange::Span(start, end) if start < end => {
            Some((Bound::Included(start), Bound::Excluded(end)))
        }
        KeyRange::Span(..) => None,
        KeyRange::From(start) => Some((Bound::Included(start), Bound::Unbounded)),
    }
}

/// Key and value of a record in one allocation of their own: what they came in (a request, an
/// entry) is let go, and a small record costs one allocation less. Longer values are shared.
fn packed(key: &Bytes, value: Value) -> (Bytes, Value) {
    match value {
        Value::Bytes(value) if value.len() <= PACKED_VALUE_MAX => {
            let both = Bytes::from([key.as_ref(), value.as_ref()].concat());
            (
                both.slice(..key.len()),
                Value::Bytes(both.slice(key.len()..)),
            )
        }
        value => (Bytes::copy_from_slice(key), value),
    }
}

impl<'a> Draft<'a> {
    pub(super) fn new(state: &'a State) -> Draft<'a> {
        Draft {
            state,
            overlay: BTreeMap::new(),
            swept: Vec::new(),
            changes: Vec::new(),
            notices: Vec::new(),
            events: 0,
            because: None,
            life_counter: state.life_counter,
            derived_counter: state.derived_counter,
            read_room: ReadRoom::default(),
            is_answered: false,
            path: Vec::new(),
            past: Vec::new(),
            past_room: ReadRoom::default(),
        }
    }

    pub(super) fn savepoint(&self) -> Savepoint {
        Savepoint {
            changes: self.changes.len(),
            notices: self.notices.len(),
            past: self.past.len(),
            events: self.events,
        }
    }

    /// The counters stay where they are: an id that was drawn is not drawn again.
    pub(super) fn roll_back(&mut self, to: Savepoint) {
        for change in self.changes.drain(to.changes..).rev() {
            let (key, before) = match change {
                Change::Event(event) => (event.kv.key.clone(), event.prev),
                Change::Sweep(_) => {
                    self.swept.pop();
                    continue;
                }
                Change::Life { old, .. } => (old.key.clone(), Some(old)),
            };
            self.overlay.insert(key, before);
        }
        self.notices.truncate(to.notices);
        self.past.truncate(to.past);
        self.events = to.events;
    }

    /// Changes so far that make the revision.
    pub(super) fn events(&self) -> u32 {
        self.events
    }

    pub(super) fn has_events(&self) -> bool {
        self.events > 0
    }

    /// The revision an op sees: that of the state, or the new one once there is a change.
    pub(super) fn revision(&self) -> Revision {
        self.state.revision + i64::from(self.has_events())
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Arc<KeyValue>> {
        match self.overlay.get(key) {
            Some(record) => record.as_ref(),
            None if self.is_swept(key) => None,
            None => self.state.index.get(key),
        }
    }

    fn is_swept(&self, key: &[u8]) -> bool {
        self.swept.iter().any(|range| range.contains(key))
    }

    /// Deletes all of a range at once, if that can be done: none of its keys has history, was
    /// changed on this view or hangs on a granted lease. How many there were.
    pub(super) fn sweep(&mut self, range: &KeyRange, cause: Cause) -> Option<u64> {
        if !forgetful::covers(range) || self.state.lives.holds_forgetful_keys() {
            return None;
        }
        let bounds = bounds(range)?;
        let was_changed = self.overlay.range::<[u8], _>(bounds).next().is_some();
        if was_changed || self.swept.iter().any(|other| other.overlaps(range)) {
            return None;
        }
        let count = self.state.index.count(range);
        let next = u32::try_from(count).ok()?.checked_add(self.events)?;
        if count < SWEPT_MIN {
            return None;
        }
        self.changes.push(Change::Sweep(Sweep {
            range: range.clone(),
            count: count as usize,
            first: self.events,
            cause: self.because.unwrap_or(cause),
        }));
        self.swept.push(range.clone());
        self.events = next;
        Some(count)
    }

    /// Records of a range in key order.
    pub(super) fn range(&self, range: &KeyRange) -> Vec<Arc<KeyValue>> {
        if let KeyRange::Key(key) = range {
            return self.get(key).cloned().into_iter().collect();
        }
        let below = self.state.index.iter(range);
        if self.overlay.is_empty() && self.swept.is_empty() {
            return below.cloned().collect();
        }
        let below =
            below.filter(|kv| !self.overlay.contains_key(&kv.key) && !self.is_swept(&kv.key));
        let mut merged: Vec<Arc<KeyValue>> = below.cloned().collect();
        let unchanged = merged.len();
        let over = bounds(range).map(|bounds| self.overlay.range::<[u8], _>(bounds));
        merged.extend(
            over.into_iter()
                .flatten()
                .filter_map(|(_, record)| record.clone()),
        );
        if merged.len() > unchanged {
            // Two sorted runs: a stable sort merges them.
            merged.sort_by(|a, b| a.key.cmp(&b.key));
        }
        merged
    }

    fn next_version(&mut self) -> Version {
        let version = Version {
            main: self.state.revision + 1,
            sub: self.events,
        };
        self.events += 1;
        version
    }

    /// The life a record gets. `For` and `Until` draw a new derived id.
    pub(super) fn resolve(
        &mut self,
        life: Life,
        old: Option<&KeyValue>,
    ) -> Result<NewLife, Refusal> {
        let now = self.state.now();
        match life {
            Life::Forever => Ok(NewLife::FOREVER),
            Life::Keep { must_exist } => match old {
                None if must_exist => Err(Refusal::KeyNotFound),
                None => Ok(NewLife::FOREVER),
                Some(old) => Ok(NewLife {
                    lease: old.lease,
                    deadline: old.deadline,
                    ttl_ms: old.ttl_ms,
                }),
            },
            Life::For(ttl_ms) => Ok(self.own_life(Deadline::Clock(now.plus(ttl_ms)))),
            Life::Until(wall) => Ok(self.own_life(Deadline::Wall(wall))),
            Life::Lease(LeaseId::NONE) => Ok(NewLife::FOREVER),
            Life::Lease(lease) if self.state.lives.is_granted(lease) => Ok(NewLife {
                lease,
                deadline: None,
                ttl_ms: 0,
            }),
            Life::Lease(_) => Err(Refusal::LeaseNotFound),
        }
    }

    fn own_life(&mut self, deadline: Deadline) -> NewLife {
        self.derived_counter += 1;
        NewLife {
            lease: LeaseId(DERIVED_LEASE_TAG | self.derived_counter as i64),
            deadline: Some(deadline),
            ttl_ms: deadline.left_ms(self.state.now()),
        }
    }

    /// Writes a version of a key, over the one that it has on this view.
    pub(super) fn put(
        &mut self,
        (key, old): (&Bytes, Option<&Arc<KeyValue>>),
        value: Value,
        life: NewLife,
        cause: Cause,
    ) {
        let modified = self.next_version();
        let unchanged_life = old.is_some_and(|old| {
            old.lease == life.lease && old.deadline == life.deadline && old.ttl_ms == life.ttl_ms
        });
        let life_generation = match old {
            Some(old) if unchanged_life => old.life_generation,
            _ => self.next_generation(),
        };
        let (key, value) = packed(key, value);
        let record = Arc::new(KeyValue {
            key,
            value,
            create_revision: old.map_or(modified.main, |old| old.create_revision),
            modified,
            version: old.map_or(1, |old| old.version + 1),
            lease: life.lease,
            deadline: life.deadline,
            ttl_ms: life.ttl_ms,
            life_generation,
        });
        self.overlay
            .insert(record.key.clone(), Some(record.clone()));
        self.changes.push(Change::Event(Event {
            kv: record,
            prev: old.cloned(),
            cause: self.because.unwrap_or(cause),
        }));
    }

    fn next_generation(&mut self) -> u64 {
        self.life_counter += 1;
        self.life_counter
    }

    /// Deletes a key that exists; returns what it was.
    pub(super) fn delete(&mut self, key: &[u8], cause: Cause) -> Option<Arc<KeyValue>> {
        let old = self.get(key).cloned()?;
        let modified = self.next_version();
        let tombstone = Arc::new(KeyValue {
            key: old.key.clone(),
            modified,
            ..KeyValue::default()
        });
        self.overlay.insert(old.key.clone(), None);
        let prev = Some(old.clone());
        self.changes.push(Change::Event(Event {
            kv: tombstone,
            prev,
            cause: self.because.unwrap_or(cause),
        }));
        Some(old)
    }

    /// Changes a key's life without a revision. A key that had a deadline keeps its derived id.
    pub(super) fn set_life(&mut self, old: &Arc<KeyValue>, mut life: NewLife) {
        if old.deadline.is_some() && life.deadline.is_some() {
            life.lease = old.lease;
        }
        let new = Arc::new(KeyValue {
            lease: life.lease,
            deadline: life.deadline,
            ttl_ms: life.ttl_ms,
            life_generation: self.next_generation(),
            ..KeyValue::clone(old)
        });
        self.overlay.insert(new.key.clone(), Some(new.clone()));
        let notice = Notice::LifeChanged {
            key: new.key.clone(),
            persisted: life.deadline.is_none() && life.lease == LeaseId::NONE,
        };
        self.notices.push(notice);
        self.changes.push(Change::Life {
            old: old.clone(),
            new,
        });
    }
}
