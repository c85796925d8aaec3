//! The watch hub: wakes watchers when something in their range happens. It holds no events for
//! anybody: a watcher is a cursor that reads the shared ring of recent events, or history.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use super::api::{EffectsListener, Wake};
use super::intervals::Intervals;
use crate::outcome::{Effects, RevisionEvents};
use crate::swept::Swept;
use crate::types::{KeyRange, Revision};

const DISARMED: i64 = 0;
const ARMED: i64 = -1;

/// One watcher's entry: woken once, then again only after it armed itself.
pub(super) struct Registration {
    id: u64,
    pub(super) range: KeyRange,
    /// Disarmed, armed, or the revision that roused it.
    signal: AtomicI64,
    wake: Arc<dyn Wake>,
    token: u64,
}

impl Registration {
    /// From now on the next change in the range wakes the owner, once.
    pub(super) fn arm(&self) {
        self.signal.store(ARMED, Ordering::SeqCst);
    }

    pub(super) fn disarm(&self) {
        self.signal.store(DISARMED, Ordering::SeqCst);
    }

    /// The first revision of the range since it was armed.
    pub(super) fn roused_at(&self) -> Option<Revision> {
        Some(self.signal.load(Ordering::SeqCst)).filter(|revision| *revision > 0)
    }

    fn rouse(&self, revision: Revision) {
        let signal = &self.signal;
        if signal
            .compare_exchange(ARMED, revision, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
        {
            self.wake.wake(self.token);
        }
    }
}

type Listeners = Arc<[Arc<dyn EffectsListener>]>;

#[derive(Default)]
pub(crate) struct Hub {
    next_id: AtomicU64,
    /// Every registration was held against all revisions up to this.
    announced: AtomicI64,
    registry: Mutex<Registry>,
    listeners: Mutex<Listeners>,
}

#[derive(Default)]
struct Registry {
    /// Watchers of one key.
    keys: HashMap<Bytes, Vec<Arc<Registration>>>,
    /// Watchers of more.
    ranges: Intervals<Arc<Registration>>,
}

impl Hub {
    pub(super) fn register(
        &self,
        range: KeyRange,
        wake: Arc<dyn Wake>,
        token: u64,
    ) -> Arc<Registration> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let signal = AtomicI64::new(DISARMED);
        let registration = Arc::new(Registration {
            id,
            range,
            signal,
            wake,
            token,
        });
        let mut registry = self.registry.lock();
        match &registration.range {
            KeyRange::Key(key) => {
                registry
                    .keys
                    .entry(key.clone())
                    .or_default()
                    .push(registration.clone());
            }
            range => {
                registry.ranges.insert(range, id, registration.clone());
            }
        }
        registration
    }

    pub(super) fn deregister(&self, registration: &Registration) {
        let mut registry = self.registry.lock();
        match &registration.range {
            KeyRange::Key(key) => {
                let Some(list) = registry.keys.get_mut(key) else {
                    return;
                };
                list.retain(|other| other.id != registration.id);
                if list.is_empty() {
                    registry.keys.remove(key);
                }
            }
            range => {
                registry.ranges.remove(range, registration.id);
            }
        }
    }

    pub(super) fn watchers(&self) -> usize {
        let registry = self.registry.lock();
        registry.ranges.len() + registry.keys.values().map(Vec::len).sum::<usize>()
    }

    pub(super) fn listen(&self, listener: Arc<dyn EffectsListener>) {
        let mut listeners = self.listeners.lock();
        *listeners = listeners.iter().cloned().chain([listener]).collect();
    }

    pub(super) fn listeners(&self) -> Listeners {
        self.listeners.lock().clone()
    }

    pub(super) fn announced(&self) -> Revision {
        self.announced.load(Ordering::SeqCst)
    }

    /// Tells everybody concerned. The events are already in the ring and the state.
    pub(crate) fn announce(&self, effects: &Effects) {
        if let Some(last) = effects.revisions.last() {
            self.rouse_watchers(&effects.revisions);
            self.announced.store(last.revision, Ordering::SeqCst);
        }
        // Without the lock: telling may take long, and others look for listeners meanwhile.
        for listener in self.listeners().iter() {
            tell(&**listener, effects);
        }
    }

    fn rouse_watchers(&self, revisions: &[Arc<RevisionEvents>]) {
        let registry = self.registry.lock();
        if registry.keys.is_empty() && registry.ranges.len() == 0 {
            return;
        }
        for revision in revisions {
            for event in &revision.events {
                registry.rouse(&event.kv.key, revision.revision);
            }
            for swept in &revision.swept {
                registry.rouse_within(swept, revision.revision);
            }
        }
    }

    /// After a snapshot came in there are no events: all look for themselves.
    pub(crate) fn rouse_all(&self, head: Revision) {
        let registry = self.registry.lock();
        let unseen = self.announced() + 1;
        let keys = registry.keys.values().flatten();
        keys.for_each(|registration| registration.rouse(unseen));
        let ranges = &registry.ranges;
        ranges.each(&mut |registration| registration.rouse(unseen));
        self.announced.store(head, Ordering::SeqCst);
    }
}

impl Registry {
    fn rouse(&self, key: &Bytes, revision: Revision) {
        if let Some(list) = self.keys.get(key) {
            list.iter()
                .for_each(|registration| registration.rouse(revision));
        }
        self.ranges
            .holding(key, &mut |registration| registration.rouse(revision));
    }
}

impl Registry {
    /// There are fewer watchers than keys that are swept together.
    fn rouse_within(&self, swept: &Swept, revision: Revision) {
        let of_keys = self.keys.iter().filter(|(key, _)| swept.holds(key));
        of_keys
            .flat_map(|(_, list)| list)
            .for_each(|registration| registration.rouse(revision));
        self.ranges.each(&mut |registration| {
            if swept.touches(&registration.range) {
                registration.rouse(revision);
            }
        });
    }
}

/// Events and notices in the order of their revisions; a notice follows its revision.
fn tell(listener: &dyn EffectsListener, effects: &Effects) {
    let mut notices = effects.notices.iter().peekable();
    for revision in &effects.revisions {
        while let Some((after, notice)) = notices.next_if(|(after, _)| *after < revision.revision) {
            listener.notice(*after, notice);
        }
        listener.revision(revision);
    }
    notices.for_each(|(after, notice)| listener.notice(*after, notice));
}
