//! A write view: what a command would change, seen by its own later ops and by nobody else. It is
//! committed as a whole or dropped without a trace. A write over one of its own takes that one's
//! place: one version, one event, one previous record, however often it writes a key.
//!
//! ```text
//! a = 1.0;  txn { append a x; append a y; delete a; put a 2 }
//! events: append a (over 1.0), delete a, put a;  steps: append, append, delete, put
//! ```

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::changes::{Changes, Sweep};
use super::read_room::ReadRoom;
use super::room::{TxnRoom, Visits, record_bytes};
use super::value::State;
use crate::command::Life;
use crate::outcome::{Cause, Event, Notice, PastRead, Refusal, Step};
use crate::types::{
    DERIVED_LEASE_TAG, Deadline, KeyRange, KeyValue, LeaseId, Revision, Value, Version,
};

/// Bytes of a value that are rather copied than shared.
const PACKED_VALUE_MAX: usize = 4 * 1024;

/// What a value that grows is given for more, as a part of its length.
const SLACK: usize = 8;

/// A key that the view has changed: what it is now, and what it was before the last event.
pub(super) struct Drafted {
    before: Option<Arc<KeyValue>>,
    /// A tombstone if it is deleted.
    record: Arc<KeyValue>,
    /// Of the last change; none while only the life has changed.
    cause: Option<Cause>,
}

impl Drafted {
    fn current(&self) -> Option<&Arc<KeyValue>> {
        (!self.record.is_tombstone()).then_some(&self.record)
    }

    fn event(&self) -> Option<Event> {
        Some(Event {
            kv: self.record.clone(),
            prev: self.before.clone(),
            cause: self.cause?,
        })
    }
}

pub(super) struct Draft<'a> {
    /// A trial has a state of its own.
    pub(super) state: Cow<'a, State>,
    /// Keys that were changed, over the state.
    overlay: BTreeMap<Bytes, Drafted>,
    /// Ranges that are hidden below the overlay.
    pub(super) sweeps: Vec<Sweep>,
    /// Of keys that were written and deleted, all events but the last.
    earlier: Vec<Event>,
    /// Every change by itself, once a write has taken another's place.
    steps: Vec<Step>,
    pub(super) notices: Vec<Notice>,
    pub(super) events: u32,
    /// Overrides the cause of what the next op changes.
    pub(super) because: Option<Cause>,
    life_counter: u64,
    derived_counter: u64,
    pub(super) room: TxnRoom,
    pub(super) read_room: ReadRoom,
    /// Whether somebody here waits for the results.
    pub(super) is_answered: bool,
    /// Where the op stands that is worked out.
    pub(super) path: Vec<usize>,
    /// Ranges at old revisions, and what their results may hold.
    pub(super) past: Vec<PastRead>,
    pub(super) past_room: ReadRoom,
    /// Keys that those look at, deleted ones too; as far as this member still knows them.
    pub(super) past_visits: Visits,
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
        Draft::over(Cow::Borrowed(state))
    }

    pub(super) fn over(state: Cow<'a, State>) -> Draft<'a> {
        let (life_counter, derived_counter) = (state.life_counter, state.derived_counter);
        Draft {
            state,
            overlay: BTreeMap::new(),
            sweeps: Vec::new(),
            earlier: Vec::new(),
            steps: Vec::new(),
            notices: Vec::new(),
            events: 0,
            because: None,
            life_counter,
            derived_counter,
            room: TxnRoom::default(),
            read_room: ReadRoom::default(),
            is_answered: false,
            path: Vec::new(),
            past: Vec::new(),
            past_room: ReadRoom::default(),
            past_visits: Visits::default(),
        }
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

    /// Whether the view differs from the state below it.
    pub(super) fn has_changes(&self) -> bool {
        !self.overlay.is_empty() || !self.sweeps.is_empty()
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Arc<KeyValue>> {
        match self.overlay.get(key) {
            Some(drafted) => drafted.current(),
            None => self.below(key),
        }
    }

    /// What the view has of a key without a look below it; a deleted one is there and is none.
    pub(super) fn own(&self, key: &[u8]) -> Option<Option<&Arc<KeyValue>>> {
        self.overlay.get(key).map(Drafted::current)
    }

    /// Takes a record of elsewhere for what lies below, unless the view has changed the key.
    pub(super) fn know(&mut self, record: &Arc<KeyValue>) {
        let known = || Drafted {
            before: Some(record.clone()),
            record: record.clone(),
            cause: None,
        };
        self.overlay.entry(record.key.clone()).or_insert_with(known);
    }

    /// Lets such a record go, unless the view has changed it.
    pub(super) fn let_go(&mut self, key: &[u8]) {
        let drafted = self.overlay.get(key);
        let is_unchanged = |drafted: &Drafted| {
            let before = drafted.before.as_ref();
            before.is_some_and(|before| Arc::ptr_eq(before, &drafted.record))
        };
        if drafted.is_some_and(is_unchanged) {
            self.overlay.remove(key);
        }
    }

    /// A key as it was before this view changed it.
    fn below(&self, key: &[u8]) -> Option<&Arc<KeyValue>> {
        let record = self.state.index.get(key)?;
        (!self.is_swept(key)).then_some(record)
    }

    fn is_swept(&self, key: &[u8]) -> bool {
        self.sweeps.iter().any(|sweep| sweep.range.contains(key))
    }

    /// The keys of a range that were changed, in key order.
    pub(super) fn drafted(&self, range: &KeyRange) -> impl Iterator<Item = (&Bytes, &Drafted)> {
        let bounds = bounds(range).map(|bounds| self.overlay.range::<[u8], _>(bounds));
        bounds.into_iter().flatten()
    }

    /// Records of a range in key order: two sorted runs, merged as they are read.
    pub(super) fn range<'r>(
        &'r self,
        range: &'r KeyRange,
    ) -> impl Iterator<Item = &'r Arc<KeyValue>> {
        let below = self.state.index.iter(range);
        let mut below = below
            .filter(|record| !self.overlay.contains_key(&record.key))
            .filter(|record| !self.is_swept(&record.key))
            .peekable();
        let over = self.drafted(range);
        let mut over = over.filter_map(|(_, drafted)| drafted.current()).peekable();
        std::iter::from_fn(move || match (below.peek(), over.peek()) {
            (Some(low), Some(high)) if low.key < high.key => below.next(),
            (_, Some(_)) => over.next(),
            (_, None) => below.next(),
        })
    }

    /// How many keys a range has; those below are counted by chunks.
    pub(super) fn count(&self, range: &KeyRange) -> u64 {
        if !self.sweeps.is_empty() {
            return self.range(range).count() as u64;
        }
        let (mut come, mut gone) = (0, 0);
        for (key, drafted) in self.drafted(range) {
            come += u64::from(drafted.current().is_some());
            gone += u64::from(self.below(key).is_some());
        }
        self.state.index.count(range) + come - gone
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

    pub(super) fn own_life(&mut self, deadline: Deadline) -> NewLife {
        self.derived_counter += 1;
        NewLife {
            lease: LeaseId(DERIVED_LEASE_TAG | self.derived_counter as i64),
            deadline: Some(deadline),
            ttl_ms: deadline.left_ms(self.state.now()),
        }
    }

    /// Writes a version of a key, in the place of one that the view has made.
    pub(super) fn put(&mut self, key: &Bytes, value: Value, life: NewLife, cause: Cause) {
        let modified = self.next_version();
        let old = self.get(key);
        let unchanged_life = old.filter(|old| {
            old.lease == life.lease && old.deadline == life.deadline && old.ttl_ms == life.ttl_ms
        });
        let life_generation = unchanged_life.map(|old| old.life_generation);
        let (create_revision, version) = match old {
            None => (modified.main, 1),
            Some(old) if old.modified.main == modified.main => (old.create_revision, old.version),
            Some(old) => (old.create_revision, old.version + 1),
        };
        let life_generation = life_generation.unwrap_or_else(|| self.next_generation());
        let (key, value) = packed(key, value);
        let record = KeyValue {
            key,
            value,
            create_revision,
            modified,
            version,
            lease: life.lease,
            deadline: life.deadline,
            ttl_ms: life.ttl_ms,
            life_generation,
        };
        self.change(record, cause);
    }

    fn next_generation(&mut self) -> u64 {
        self.life_counter += 1;
        self.life_counter
    }

    /// Deletes a key that exists; returns what it was.
    pub(super) fn delete(&mut self, key: &[u8], cause: Cause) -> Option<Arc<KeyValue>> {
        let old = self.get(key).cloned()?;
        let tombstone = KeyValue {
            key: old.key.clone(),
            modified: self.next_version(),
            ..KeyValue::default()
        };
        self.change(tombstone, cause);
        Some(old)
    }

    /// Puts a change into the view, a write in the place of one of the view's own.
    fn change(&mut self, record: KeyValue, cause: Cause) {
        let cause = self.because.unwrap_or(cause);
        let earlier = self.overlay.get(&record.key);
        let now = match earlier {
            Some(earlier) => earlier.current(),
            None => self.below(&record.key),
        };
        let is_new = now.is_none();
        assert!(
            !(is_new && record.is_tombstone()),
            "only a key that is there is deleted"
        );
        let before = match earlier {
            None => now.cloned(),
            Some(earlier) => match earlier.event() {
                None => earlier.before.clone(),
                Some(event) if is_new || record.is_tombstone() => {
                    let before = earlier.current().cloned();
                    self.earlier.push(event);
                    before
                }
                Some(_) => {
                    let before = earlier.before.clone();
                    if self.steps.is_empty() {
                        self.steps = self.to_events().iter().map(Event::step).collect();
                    }
                    before
                }
            },
        };
        if !self.steps.is_empty() {
            self.steps.push(Step::of(&record, is_new, cause));
        }
        let drafted = Drafted {
            before,
            record: Arc::new(record),
            cause: Some(cause),
        };
        self.overlay.insert(drafted.record.key.clone(), drafted);
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
        let notice = Notice::LifeChanged {
            key: new.key.clone(),
            persisted: life.deadline.is_none() && life.lease == LeaseId::NONE,
        };
        self.notices.push(notice);
        match self.overlay.get_mut(&new.key) {
            Some(drafted) => drafted.record = new,
            None => {
                let drafted = Drafted {
                    before: Some(old.clone()),
                    record: new,
                    cause: None,
                };
                self.overlay.insert(drafted.record.key.clone(), drafted);
            }
        }
    }

    /// A key's value to make another of: taken out of the view, if that has made it itself, so
    /// that nobody else holds it.
    pub(super) fn take_value(&mut self, key: &Bytes) -> Option<Value> {
        let own = self.overlay.get_mut(key);
        match own.and_then(|drafted| Arc::get_mut(&mut drafted.record)) {
            Some(record) if !record.is_tombstone() => Some(std::mem::take(&mut record.value)),
            _ => self.get(key).map(|record| record.value.clone()),
        }
    }

    /// The bytes of a key's value to add to, with room for so many more: adding again and again
    /// does not copy again and again.
    ///
    /// # Errors
    /// `TooMuch`.
    pub(super) fn take_bytes(&mut self, key: &Bytes, more: usize) -> Result<BytesMut, Refusal> {
        let value = match self.take_value(key) {
            Some(Value::Bytes(value)) => value,
            Some(Value::Hash(_)) | None => Bytes::new(),
        };
        let length = value.len() + more;
        let shared = match value.try_into_mut() {
            Ok(own) if own.capacity() >= length => {
                self.room.make(more)?;
                return Ok(own);
            }
            Ok(own) => own.freeze(),
            Err(shared) => shared,
        };
        self.room.make(length)?;
        let mut copy = BytesMut::with_capacity(length + length / SLACK);
        copy.extend_from_slice(&shared);
        Ok(copy)
    }

    fn to_events(&self) -> Vec<Event> {
        let written = self.overlay.values().filter_map(Drafted::event);
        let mut events: Vec<Event> = self.earlier.iter().cloned().chain(written).collect();
        events.sort_unstable_by_key(|event| event.kv.modified);
        events
    }

    /// What the records come to that the view leaves; of deleted keys nothing.
    pub(super) fn left_bytes(&self) -> usize {
        let left = self.overlay.values().filter_map(Drafted::current);
        left.map(|record| record_bytes(record)).sum()
    }

    /// Whether anything at all would be committed.
    pub(super) fn is_empty(&self) -> bool {
        !self.has_changes() && self.notices.is_empty()
    }

    pub(super) fn into_changes(self) -> Changes {
        let events = self.to_events();
        let only_lives = self.overlay.into_values();
        let only_lives = only_lives.filter(|drafted| drafted.cause.is_none());
        let lives = only_lives.filter_map(|drafted| Some((drafted.before?, drafted.record)));
        Changes {
            lives: lives.collect(),
            events,
            sweeps: self.sweeps,
            steps: self.steps,
            notices: self.notices,
            life_counter: self.life_counter,
            derived_counter: self.derived_counter,
        }
    }
}
