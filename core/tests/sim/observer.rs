//! Watchers: one task for each, which waits for its bell alone, so that a wake that is missed
//! shows as a watcher that stays behind.

use std::sync::Arc;

use bytes::Bytes;
use quorate_core::node::{Node, Polled, Wake};
use quorate_core::outcome::{Cause, Event, RevisionEvents};
use quorate_core::types::{KeyRange, Revision};
use tokio::sync::Notify;

use crate::ask::text;
use crate::history::{Change, Shared, Sight};

struct Bell(Notify);

impl Wake for Bell {
    fn wake(&self, _token: u64) {
        self.0.notify_one();
    }
}

/// Watches in the process of a member, from where the observer is.
pub async fn observe(node: Node, history: Shared, observer: usize) {
    let (prefix, mut next) = {
        let history = history.lock();
        let observer = &history.observers[observer];
        (observer.prefix, observer.next)
    };
    let range = match prefix {
        "" => KeyRange::From(Bytes::from_static(b"\0")),
        prefix => KeyRange::prefix(prefix.as_bytes()),
    };
    loop {
        let bell = Arc::new(Bell(Notify::new()));
        let (mut watcher, _) = node.watch(range.clone(), next, bell.clone(), 0);
        next = loop {
            match watcher.poll(7, 2_000).await {
                Polled::Events {
                    revisions,
                    caught_up,
                    ..
                } => {
                    let sights = revisions.iter().map(sight);
                    note(&history, observer, watcher.next_revision(), sights);
                    if caught_up && revisions.is_empty() {
                        bell.0.notified().await;
                    }
                }
                Polled::Compacted(oldest) => {
                    note(&history, observer, oldest, [Sight::Compacted(oldest)]);
                    break oldest;
                }
                // The member ends; its next life has an observer of its own.
                Polled::Failed => return,
            }
        };
    }
}

fn note(
    history: &Shared,
    observer: usize,
    next: Revision,
    sights: impl IntoIterator<Item = Sight>,
) {
    let mut history = history.lock();
    let now = history.now;
    let observer = &mut history.observers[observer];
    observer.next = next;
    let sights = sights.into_iter().map(|sight| (now, sight));
    observer.sights.extend(sights);
}

fn sight(events: &Arc<RevisionEvents>) -> Sight {
    Sight::Changes {
        revision: events.revision,
        changes: events.events.iter().map(change).collect(),
    }
}

fn change(event: &Event) -> Change {
    let value = (!event.is_delete()).then(|| text(&event.kv.value));
    Change {
        key: String::from_utf8_lossy(&event.kv.key).into_owned(),
        value,
        expired: event.cause == Cause::Expired,
    }
}
