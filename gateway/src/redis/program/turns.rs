//! Who may run a program on a key: programs of this member that name the same keys take turns in
//! order of arrival, so that a hot key neither livelocks nor starves anybody.
//!
//! Keys are locked in byte order, so that two programs never wait for each other.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use dashmap::DashMap;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// The queues of all keys that somebody uses now.
#[derive(Default)]
pub struct Turns {
    queues: DashMap<Bytes, Arc<Mutex<()>>>,
}

/// A turn on some keys; ends when dropped.
pub struct Turn<'a> {
    turns: &'a Turns,
    held: Vec<(Bytes, OwnedMutexGuard<()>)>,
}

impl Turns {
    /// Waits for the turn on all of the keys. Tokio's mutex is fair: first come, first served.
    pub async fn take(&self, keys: &BTreeSet<Bytes>) -> Turn<'_> {
        let mut turn = Turn {
            turns: self,
            held: Vec::with_capacity(keys.len()),
        };
        for key in keys {
            let queue = self.queues.entry(key.clone()).or_default().clone();
            turn.held.push((key.clone(), queue.lock_owned().await));
        }
        turn
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        for (key, guard) in self.held.drain(..) {
            drop(guard);
            // Counted under the map's own lock, where clones are made too: one means nobody waits.
            self.turns
                .queues
                .remove_if(&key, |_, queue| Arc::strong_count(queue) == 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_exclude_and_clean_up() {
        let turns = Turns::default();
        let keys: BTreeSet<Bytes> = [Bytes::from("a"), Bytes::from("b")].into();
        let first = turns.take(&keys).await;
        let one: BTreeSet<Bytes> = [Bytes::from("b")].into();
        let waiting = turns.take(&one);
        tokio::pin!(waiting);
        let polled = futures_util::poll!(&mut waiting);
        assert!(polled.is_pending());
        drop(first);
        drop(waiting.await);
        assert!(turns.queues.is_empty());
    }
}
