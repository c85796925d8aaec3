//! Messages that wait for one connection, bounded as Redis bounds its pub/sub clients: 32 MB at
//! once, or 8 MB for a minute, and the connection is closed. When all connections together hold too
//! much, those that hold the most are, since a message can't wait outside.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::listen::{Held, Share};
use crate::redis::reply::Reply;

const HARD_BYTES_MAX: usize = 32 * 1024 * 1024;
const SOFT_BYTES_MAX: usize = 8 * 1024 * 1024;
const SOFT_TIME: Duration = Duration::from_secs(60);
/// What a queued message costs besides its bytes.
const MESSAGE_OVERHEAD_BYTES: usize = 64;

/// Something published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The pattern it was subscribed by, for PSUBSCRIBE.
    pub pattern: Option<Bytes>,
    pub channel: Bytes,
    pub payload: Bytes,
    /// How many have the same payload: it is there once.
    pub sharers: usize,
}

impl Message {
    pub fn reply(self) -> Reply {
        let kind = if self.pattern.is_some() {
            "pmessage"
        } else {
            "message"
        };
        let mut parts = vec![Reply::text(kind)];
        parts.extend(self.pattern.map(Reply::Bulk));
        parts.push(Reply::Bulk(self.channel));
        parts.push(Reply::Bulk(self.payload));
        Reply::Push(parts)
    }

    /// Whether a client could not tell it from the other.
    pub fn says_as(&self, other: &Message) -> bool {
        let said = |of: &Message| (of.pattern.clone(), of.channel.clone(), of.payload.clone());
        said(self) == said(other)
    }

    /// What the connection is to take.
    fn cost(&self) -> usize {
        let pattern = self.pattern.as_ref().map_or(0, Bytes::len);
        MESSAGE_OVERHEAD_BYTES + pattern + self.channel.len() + self.payload.len()
    }

    /// Its part of the memory while it waits.
    fn part(&self) -> usize {
        self.cost() - self.payload.len() + self.payload.len() / self.sharers.max(1)
    }
}

/// The queue of one connection.
pub struct Mailbox {
    queue: Mutex<Queue>,
    arrived: Notify,
}

struct Queue {
    held: Held,
    messages: VecDeque<Message>,
    bytes: usize,
    /// Their part of the memory.
    held_bytes: usize,
    /// Since when the soft limit is exceeded.
    heavy_since: Option<Instant>,
    overflowed: bool,
}

impl Mailbox {
    pub fn new(share: &Share) -> Mailbox {
        let queue = Queue {
            held: share.hold(),
            messages: VecDeque::new(),
            bytes: 0,
            held_bytes: 0,
            heavy_since: None,
            overflowed: false,
        };
        Mailbox {
            queue: Mutex::new(queue),
            arrived: Notify::new(),
        }
    }

    pub fn push(&self, message: Message) {
        let mut queue = self.queue.lock();
        if queue.overflowed {
            return;
        }
        queue.bytes += message.cost();
        queue.held_bytes += message.part();
        queue.messages.push_back(message);
        let held_bytes = queue.held_bytes;
        let has_room = queue.held.insist(held_bytes);
        let heavy = queue.bytes > SOFT_BYTES_MAX;
        let since = heavy.then(|| queue.heavy_since.unwrap_or_else(Instant::now));
        queue.heavy_since = since;
        let too_long = since.is_some_and(|since| since.elapsed() > SOFT_TIME);
        if queue.bytes > HARD_BYTES_MAX || too_long || !has_room {
            queue.overflowed = true;
            queue.messages = VecDeque::new();
            queue.held.set(0);
        }
        drop(queue);
        self.arrived.notify_one();
    }

    pub fn is_empty(&self) -> bool {
        let queue = self.queue.lock();
        queue.messages.is_empty() && !queue.overflowed
    }

    /// Messages up to about `bytes_max`; None if the connection was too slow and must be closed.
    pub fn take(&self, bytes_max: usize) -> Option<Vec<Message>> {
        let mut queue = self.queue.lock();
        if queue.overflowed {
            return None;
        }
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while bytes < bytes_max {
            let Some(message) = queue.messages.pop_front() else {
                break;
            };
            bytes += message.cost();
            queue.held_bytes -= message.part();
            taken.push(message);
        }
        queue.bytes -= bytes;
        let left = queue.held_bytes;
        queue.held.set(left);
        Some(taken)
    }

    /// Forgets the messages that are not wanted.
    pub fn retain(&self, is_wanted: impl Fn(&Message) -> bool) {
        let mut queue = self.queue.lock();
        queue.messages.retain(is_wanted);
        queue.bytes = queue.messages.iter().map(Message::cost).sum();
        let left = queue.bytes;
        queue.held.set(left);
    }

    /// Resolves when something may have come since the last take.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overflow_closes() {
        let load = std::sync::Arc::<crate::listen::Load>::default();
        let mailbox = Mailbox::new(&load.admit().expect("the first"));
        let payload = Bytes::from(vec![0; 1024 * 1024]);
        let message = || Message {
            pattern: None,
            channel: Bytes::new(),
            payload: payload.clone(),
            sharers: 1,
        };
        mailbox.push(message());
        assert_eq!(mailbox.take(usize::MAX).map(|all| all.len()), Some(1));
        (0..33).for_each(|_| mailbox.push(message()));
        assert_eq!(mailbox.take(usize::MAX), None);
    }
}
