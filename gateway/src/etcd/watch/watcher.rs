//! One watcher of a stream: a node's cursor with what the client asked for.
//!
//! A watcher begins synced (from now, or from a revision to come) or catching up. While it
//! catches up, a batch of revisions is one response headed by the store's revision; once synced,
//! each revision is a response headed by itself. Both are etcd's forms, and clients tell progress
//! by them.

use std::sync::Arc;

use quorate_core::node::Watcher;
use quorate_core::outcome::{Event, RevisionEvents};
use quorate_core::types::{KeyValue, Revision};
use quorate_proto::etcdserverpb as pb;
use quorate_proto::mvccpb;

use crate::etcd::convert;

/// What the client asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub prev_kv: bool,
    pub progress_notify: bool,
    pub fragment: bool,
    pub no_put: bool,
    pub no_delete: bool,
    pub start: Revision,
}

impl Wanted {
    pub fn of(request: &pb::WatchCreateRequest) -> Wanted {
        use pb::watch_create_request::FilterType;
        let has = |filter: FilterType| request.filters.contains(&(filter as i32));
        Wanted {
            prev_kv: request.prev_kv,
            progress_notify: request.progress_notify,
            fragment: request.fragment,
            no_put: has(FilterType::Noput),
            no_delete: has(FilterType::Nodelete),
            start: request.start_revision,
        }
    }
}

pub struct Active {
    pub cursor: Watcher,
    pub wanted: Wanted,
    /// Bytes of the names that it watches.
    pub name_bytes: usize,
    pub is_synced: bool,
    /// Whether nothing was sent since the last tick of progress.
    pub is_idle: bool,
}

/// A batch of events as one response; its header's revision.
pub struct Batch {
    pub revision: Revision,
    pub events: Vec<mvccpb::Event>,
}

impl Active {
    /// The responses for what the cursor gave. `now` is the store's revision, `compact` the
    /// revision below which no previous value is shown. Filtered revisions give nothing.
    pub fn batches(
        &self,
        revisions: &[Arc<RevisionEvents>],
        now: Revision,
        compact: Revision,
    ) -> Vec<Batch> {
        let convert = |revision: &Arc<RevisionEvents>| Batch {
            revision: revision.revision,
            events: self.events(revision, compact),
        };
        let mut batches: Vec<Batch> = revisions.iter().map(convert).collect();
        batches.retain(|batch| !batch.events.is_empty());
        if self.is_synced || batches.is_empty() {
            return batches;
        }
        let events = batches.into_iter().flat_map(|batch| batch.events);
        vec![Batch {
            revision: now,
            events: events.collect(),
        }]
    }

    fn events(&self, revision: &RevisionEvents, compact: Revision) -> Vec<mvccpb::Event> {
        let events = revision.events.iter();
        let passing = events.filter(|event| match event.is_delete() {
            true => !self.wanted.no_delete,
            false => !self.wanted.no_put,
        });
        passing
            .map(|event| self.event(event, &revision.events, compact))
            .collect()
    }

    fn event(&self, event: &Event, all: &[Event], compact: Revision) -> mvccpb::Event {
        let kv = &event.kv;
        let is_create = !event.is_delete() && kv.create_revision == kv.modified.main;
        let shows_prev = self.wanted.prev_kv && !is_create && kv.modified.main > compact;
        let prev = shows_prev.then(|| before_revision(event, all)).flatten();
        mvccpb::Event {
            r#type: if event.is_delete() {
                mvccpb::event::EventType::Delete as i32
            } else {
                mvccpb::event::EventType::Put as i32
            },
            kv: Some(if event.is_delete() {
                tombstone(&kv.key, kv.modified.main)
            } else {
                convert::key_value(kv)
            }),
            prev_kv: prev.map(convert::key_value),
        }
    }
}

/// What a key was before the event's revision, which is what etcd shows: not what it was within
/// it, where one txn changed it more than once. `all` are the revision's events.
fn before_revision<'a>(event: &'a Event, all: &'a [Event]) -> Option<&'a KeyValue> {
    let prev = event.prev.as_deref()?;
    if prev.modified.main != event.kv.modified.main {
        return Some(prev);
    }
    let first = all.iter().find(|first| first.kv.key == event.kv.key)?;
    first.prev.as_deref()
}

/// A delete's event has only the key and the revision.
fn tombstone(key: &bytes::Bytes, mod_revision: Revision) -> mvccpb::KeyValue {
    mvccpb::KeyValue {
        key: key.clone(),
        mod_revision,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use quorate_core::outcome::Cause;
    use quorate_core::types::Version;

    use super::*;

    fn record(key: &'static str, main: Revision, sub: u32, version: i64) -> Arc<KeyValue> {
        Arc::new(KeyValue {
            key: key.into(),
            create_revision: 2,
            modified: Version { main, sub },
            version,
            ..Default::default()
        })
    }

    fn event(kv: &Arc<KeyValue>, prev: Option<&Arc<KeyValue>>) -> Event {
        Event {
            kv: kv.clone(),
            prev: prev.cloned(),
            cause: Cause::Put,
        }
    }

    #[test]
    fn a_previous_value_is_from_before_the_revision() {
        let old = record("a", 4, 0, 2);
        let (put, gone) = (record("a", 5, 1, 3), record("a", 5, 2, 0));
        let all = [
            event(&record("b", 5, 0, 1), None),
            event(&put, Some(&old)),
            event(&gone, Some(&put)),
        ];
        let before = |event| before_revision(event, &all).map(|kv| kv.modified.main);
        assert_eq!(before(&all[1]), Some(4));
        assert_eq!(before(&all[2]), Some(4), "not what the same txn put");
        let new = [event(&put, None), event(&gone, Some(&put))];
        assert_eq!(before_revision(&new[1], &new), None);
    }
}
