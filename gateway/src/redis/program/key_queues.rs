//! Who may run a program on a key: programs of this member that name the same keys run one after
//! another, in order of arrival, so that they don't disturb each other. Whom other members disturb
//! asks for a turn (`contest`).
//!
//! Keys are locked in byte order, so that two programs never wait for each other.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use dashmap::DashMap;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// The queues of all keys that somebody uses now.
#[derive(Default)]
pub struct KeyQueues {
    queues: DashMap<Bytes, Arc<Mutex<()>>>,
}

/// The place at the head for some keys, until it is dropped.
pub struct Place<'a> {
    all: &'a KeyQueues,
    held: Vec<(Bytes, OwnedMutexGuard<()>)>,
}

impl KeyQueues {
    /// Waits for the place at the head for all of the keys. Tokio's mutex is fair: first come,
    /// first served.
    pub async fn take(&self, keys: &BTreeSet<Bytes>) -> Place<'_> {
        let mut place = Place {
            all: self,
            held: Vec::with_capacity(keys.len()),
        };
        for key in keys {
            let queue = self.queues.entry(key.clone()).or_default().clone();
            place.held.push((key.clone(), queue.lock_owned().await));
        }
        place
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        for (key, guard) in self.held.drain(..) {
            drop(guard);
            // Counted under the map's own lock, where clones are made too: one means nobody waits.
            self.all
                .queues
                .remove_if(&key, |_, queue| Arc::strong_count(queue) == 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_exclude_and_clean_up() {
        let all = KeyQueues::default();
        let keys: BTreeSet<Bytes> = [Bytes::from("a"), Bytes::from("b")].into();
        let first = all.take(&keys).await;
        let one: BTreeSet<Bytes> = [Bytes::from("b")].into();
        let waiting = all.take(&one);
        tokio::pin!(waiting);
        let polled = futures_util::poll!(&mut waiting);
        assert!(polled.is_pending());
        drop(first);
        drop(waiting.await);
        assert!(all.queues.is_empty());
    }
}
