//! A watcher: a cursor over the changes of a range. It reads the ring of recent events, or history
//! in bounded slices when it lags; it is never skipped and never sees anything twice.

use std::sync::Arc;

use super::api::Polled;
use super::hub::Registration;
use super::replica::Replica;
use crate::outcome::{Event, RevisionEvents};
use crate::types::{KeyRange, Revision};
use crate::versions::VersionsError;

/// See the module.
pub struct Watcher {
    replica: Arc<Replica>,
    registration: Arc<Registration>,
    next: Revision,
    /// Armed after it had seen everything: what was announced since and did not rouse it is
    /// nothing of its range.
    idle: bool,
}

impl Watcher {
    pub(super) fn new(
        replica: Arc<Replica>,
        registration: Arc<Registration>,
        next: Revision,
    ) -> Watcher {
        Watcher {
            replica,
            registration,
            next,
            idle: false,
        }
    }

    /// The next revision this watcher wants.
    pub fn next_revision(&self) -> Revision {
        self.next
    }

    /// The changes of the range from the cursor on, at most about `max_revisions` and `max_bytes`
    /// (a revision is never split); moves the cursor. Events outside the range are left out, and
    /// revisions without any inside. Wait for the wake only after an empty answer with
    /// `caught_up`.
    pub async fn poll(&mut self, max_revisions: usize, max_bytes: usize) -> Polled {
        loop {
            match self.look(max_revisions, max_bytes).await {
                // All of it was outside the range: look again, so that the empty answer is given
                // only by an armed watcher.
                Polled::Events {
                    revisions,
                    caught_up: true,
                    ..
                } if revisions.is_empty() && !self.idle => {}
                polled => return polled,
            }
        }
    }

    async fn look(&mut self, max_revisions: usize, max_bytes: usize) -> Polled {
        self.skip_foreign();
        // Armed before the look, so that what happens after it wakes.
        self.registration.arm();
        let (head, oldest) = self.bounds();
        if self.next < oldest {
            self.registration.disarm();
            return Polled::Compacted(oldest);
        }
        if self.next > head {
            self.idle = true;
            return Polled::Events {
                revisions: Vec::new(),
                through: head,
                caught_up: true,
            };
        }
        self.registration.disarm();
        let read = self.read(max_revisions, max_bytes).await;
        // What was read may have been forgotten between the look and the read.
        let (_, oldest) = self.bounds();
        match read {
            Ok((read, through)) if self.next >= oldest => self.take(read, through, head),
            Ok(_) => Polled::Compacted(oldest),
            Err(VersionsError::Compacted(compact)) => Polled::Compacted(oldest.max(compact)),
            Err(error) => {
                tracing::error!(target: "versions", %error, "a watcher cannot read history");
                Polled::Failed
            }
        }
    }

    /// The newest revision, and the oldest that this range can be watched from.
    fn bounds(&self) -> (Revision, Revision) {
        let state = self.replica.state.read();
        let oldest = state.oldest_watchable(&self.registration.range);
        (state.revision(), oldest)
    }

    /// Moves the cursor over what happened outside the range while it was idle.
    fn skip_foreign(&mut self) {
        if !std::mem::take(&mut self.idle) {
            return;
        }
        // In this order: what is announced up to here was held against the armed registration.
        let announced = self.replica.hub.announced();
        let seen = self.registration.roused_at().unwrap_or(announced + 1);
        self.next = self.next.max(seen);
    }

    /// What there is from the cursor on, and up to where that is everything.
    async fn read(
        &self,
        max_revisions: usize,
        max_bytes: usize,
    ) -> Result<(Vec<Arc<RevisionEvents>>, Revision), VersionsError> {
        let recent = self.replica.versions.recent();
        if let Some(recent) = recent.read(self.next, max_revisions, max_bytes) {
            let through = recent
                .last()
                .map_or(self.next - 1, |events| events.revision);
            return Ok((recent, through));
        }
        let (replica, next) = (self.replica.clone(), self.next);
        let versions = self.replica.versions.clone();
        let reading = move || replica.history(next, max_revisions, max_bytes);
        let read = versions.off_thread(reading).await;
        read.unwrap_or_else(|error| Err(VersionsError::Stopped(error.to_string())))
    }

    /// Keeps what is in the range and moves the cursor behind it.
    fn take(
        &mut self,
        read: Vec<Arc<RevisionEvents>>,
        through: Revision,
        head: Revision,
    ) -> Polled {
        let range = &self.registration.range;
        let revisions: Vec<_> = read
            .iter()
            .filter_map(|events| inside(range, events))
            .collect();
        self.next = through + 1;
        // Nobody may wait on an answer of this kind: the registration is not armed.
        let caught_up = through >= head && !revisions.is_empty();
        Polled::Events {
            revisions,
            through,
            caught_up,
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.replica.hub.deregister(&self.registration);
    }
}

/// The events of the range; shared when all of them are, and are made.
fn inside(range: &KeyRange, events: &Arc<RevisionEvents>) -> Option<Arc<RevisionEvents>> {
    if !events.swept.is_empty() {
        return some(events.revision, events.all_within(range).collect());
    }
    let inside = || {
        let events = events.events.iter();
        events.filter(|event| range.contains(&event.kv.key))
    };
    match inside().count() == events.events.len() {
        true => Some(events.clone()).filter(|events| !events.is_empty()),
        false => some(events.revision, inside().cloned().collect()),
    }
}

fn some(revision: Revision, events: Vec<Event>) -> Option<Arc<RevisionEvents>> {
    let events = RevisionEvents::new(revision, events);
    (!events.is_empty()).then(|| Arc::new(events))
}

#[cfg(test)]
mod tests;
