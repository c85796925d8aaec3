//! Which watchers of a stream have something to say. The apply thread marks, the stream takes;
//! marking twice is marking once, so the set is never larger than the stream's watchers.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use quorate_core::node::Wake;
use tokio::sync::Notify;

#[derive(Default)]
pub struct Marks {
    marked: Mutex<BTreeSet<u64>>,
    changed: Notify,
}

impl Marks {
    /// Takes all marks, waiting for the first. Safe to drop while waiting.
    pub async fn take(&self) -> BTreeSet<u64> {
        loop {
            let changed = self.changed.notified();
            let marked = std::mem::take(&mut *self.marked.lock());
            if !marked.is_empty() {
                return marked;
            }
            changed.await;
        }
    }
}

impl Wake for Marks {
    fn wake(&self, token: u64) {
        if self.marked.lock().insert(token) {
            self.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_mark_made_while_waiting_is_taken_once() {
        let marks = Arc::new(Marks::default());
        let taking = tokio::spawn({
            let marks = marks.clone();
            async move { marks.take().await }
        });
        tokio::task::yield_now().await;
        marks.wake(7);
        assert_eq!(taking.await.expect("taken"), BTreeSet::from([7]));
        marks.wake(1);
        marks.wake(2);
        marks.wake(1);
        assert_eq!(marks.take().await, BTreeSet::from([1, 2]));
    }
}
