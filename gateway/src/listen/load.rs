//! What clients make the server hold, bounded for all of them together: connections, and the bytes
//! that connections have sent and that are not used up, or were answered and have not read.
//!
//! A connection may always hold a little. One that wants more asks first; while all together hold
//! too much it waits or is refused. Those that have held much for long are closed then, the
//! oldest first: a client in good order takes and gives back within moments, whatever its sizes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Connections of all listeners together (Redis: maxclients).
pub const CONNECTIONS_MAX: usize = 10_000;

/// Bytes held for all connections, those that hold little not counted.
pub const BUFFERS_BYTES_MAX: usize = 48 * 1024 * 1024;

/// What a connection may hold uncounted.
const FREE_BYTES: usize = 8 * 1024;

/// How long a connection may hold more than that while others want room.
const HOARD_TIME_MAX: Duration = Duration::from_secs(1);

/// How long something large waits for room before it is refused: shorter than a hoard may get old,
/// for what holds a part of it while it waits is no hoarder.
pub const ROOM_TIME_MAX: Duration = Duration::from_millis(500);
const _: () = assert!(ROOM_TIME_MAX.as_millis() < HOARD_TIME_MAX.as_millis());

/// Between two tries of one that waits for room.
const ROOM_PAUSE: Duration = Duration::from_millis(20);

/// Shared by all listeners.
#[derive(Default)]
pub struct Load {
    connections: AtomicUsize,
    refused: AtomicU64,
    closed: AtomicU64,
    turned_down: AtomicU64,
    bytes: AtomicUsize,
    /// Connections that hold more than the free bytes, by when they began to.
    hoards: Mutex<BTreeMap<u64, (Instant, Arc<Account>)>>,
    next: AtomicU64,
    /// What is kept for clients, and what was refused to be.
    pub(super) kept: AtomicUsize,
    pub(super) kept_refused: AtomicU64,
}

impl Load {
    /// Counts a connection in; None if there are too many.
    pub fn admit(self: &Arc<Load>) -> Option<Share> {
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.clone());
        if before < CONNECTIONS_MAX {
            let account = Arc::default();
            return Some(Share {
                account,
                place: Arc::new(place),
            });
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        None
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Connections that were turned away, being too many.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Connections that were closed for what they held.
    pub fn closed(&self) -> u64 {
        self.closed.load(Ordering::Relaxed)
    }

    /// Requests and replies that waited for room in vain.
    pub fn turned_down(&self) -> u64 {
        self.turned_down.load(Ordering::Relaxed)
    }

    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes that are kept for clients for as long as they like.
    pub fn kept(&self) -> usize {
        self.kept.load(Ordering::Relaxed)
    }

    /// Times that a client wanted more kept than there was room for.
    pub fn kept_refused(&self) -> u64 {
        self.kept_refused.load(Ordering::Relaxed)
    }

    /// Whether so many bytes more are within bounds, after closing hoarders if need be.
    fn has_room(&self, more: usize) -> bool {
        while self.bytes() + more > BUFFERS_BYTES_MAX {
            let Some(account) = self.oldest_hoarder() else {
                return false;
            };
            self.close(&account);
        }
        true
    }

    /// Takes the longest hoarder off the list, if it is one by now.
    fn oldest_hoarder(&self) -> Option<Arc<Account>> {
        let mut hoards = self.hoards.lock();
        let oldest = hoards.first_entry()?;
        let (since, _) = oldest.get();
        (since.elapsed() > HOARD_TIME_MAX).then(|| oldest.remove().1)
    }

    /// What it held counts as free at once, for its connection is about to be dropped.
    fn close(&self, account: &Account) {
        let mut held = account.held.lock();
        if held.listed.take().is_some() && !held.is_closed {
            held.is_closed = true;
            self.bytes.fetch_sub(held.bytes, Ordering::Relaxed);
            self.closed.fetch_add(1, Ordering::Relaxed);
            account.closed.notify_one();
        }
    }
}

/// A connection's place among all.
struct Place(Arc<Load>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Account {
    held: Mutex<Sum>,
    closed: Notify,
}

#[derive(Default)]
struct Sum {
    bytes: usize,
    /// The number under which it is listed as a hoard; its bytes are counted while it is.
    listed: Option<u64>,
    is_closed: bool,
}

/// One connection's part of the load; cheap to clone.
#[derive(Clone)]
pub struct Share {
    account: Arc<Account>,
    place: Arc<Place>,
}

impl Share {
    /// A counter of bytes that this connection holds.
    pub fn hold(&self) -> Held {
        Held {
            share: self.clone(),
            bytes: 0,
        }
    }

    /// Resolves when the connection must be dropped because of what it holds.
    pub async fn closed(&self) {
        self.account.closed.notified().await;
    }

    pub fn load(&self) -> &Arc<Load> {
        &self.place.0
    }

    fn has_room(&self, more: usize) -> bool {
        let held = self.account.held.lock();
        let (after, is_listed) = (held.bytes + more, held.listed.is_some());
        if after <= FREE_BYTES || held.is_closed {
            return true;
        }
        drop(held);
        self.load().has_room(if is_listed { more } else { after })
    }

    fn grow(&self, more: usize) {
        let (load, mut held) = (self.load(), self.account.held.lock());
        held.bytes += more;
        if held.is_closed {
            return;
        }
        if held.listed.is_some() {
            load.bytes.fetch_add(more, Ordering::Relaxed);
        } else if held.bytes > FREE_BYTES {
            load.bytes.fetch_add(held.bytes, Ordering::Relaxed);
            let number = load.next.fetch_add(1, Ordering::Relaxed);
            held.listed = Some(number);
            let hoard = (Instant::now(), self.account.clone());
            load.hoards.lock().insert(number, hoard);
        }
    }

    fn shrink(&self, less: usize) {
        let (load, mut held) = (self.load(), self.account.held.lock());
        held.bytes -= less;
        if held.is_closed {
            return;
        }
        let Some(number) = held.listed else { return };
        load.bytes.fetch_sub(less, Ordering::Relaxed);
        if held.bytes <= FREE_BYTES {
            load.bytes.fetch_sub(held.bytes, Ordering::Relaxed);
            held.listed = None;
            load.hoards.lock().remove(&number);
        }
    }
}

/// Bytes held at one place of a connection; given back when dropped.
pub struct Held {
    share: Share,
    bytes: usize,
}

impl Held {
    /// What is held here now.
    pub fn set(&mut self, bytes: usize) {
        match bytes.cmp(&self.bytes) {
            std::cmp::Ordering::Greater => self.share.grow(bytes - self.bytes),
            std::cmp::Ordering::Less => self.share.shrink(self.bytes - bytes),
            std::cmp::Ordering::Equal => {}
        }
        self.bytes = bytes;
    }

    /// The same, if there is room; else nothing changes.
    pub fn try_set(&mut self, bytes: usize) -> bool {
        let has_room = bytes <= self.bytes || self.share.has_room(bytes - self.bytes);
        if has_room {
            self.set(bytes);
        }
        has_room
    }

    /// Whether so much may be held here.
    pub fn may_hold(&self, bytes: usize) -> bool {
        bytes <= self.bytes || self.share.has_room(bytes - self.bytes)
    }

    /// There was no room, and what wanted it is refused.
    pub fn turn_down(&self) {
        self.load().turned_down.fetch_add(1, Ordering::Relaxed);
    }

    pub fn load(&self) -> &Arc<Load> {
        self.share.load()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Waits until so much may be held here, and counts it. Other connections are closed for it if
    /// need be; so is this one if it holds the most for longest itself.
    pub async fn wait_for(&mut self, bytes: usize) {
        while !self.try_set(bytes) {
            pause().await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Before asking for room again.
pub async fn pause() {
    tokio::time::sleep(ROOM_PAUSE).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: usize = BUFFERS_BYTES_MAX / 2;

    fn share(load: &Arc<Load>) -> Share {
        load.admit().expect("few connections")
    }

    #[test]
    fn little_is_not_counted_and_all_is_given_back() {
        let load = Arc::default();
        let mut held = share(&load).hold();
        held.set(FREE_BYTES);
        assert_eq!(load.bytes(), 0);
        held.set(FREE_BYTES + 1);
        assert_eq!(load.bytes(), FREE_BYTES + 1);
        held.set(1);
        assert_eq!(load.bytes(), 0);
        held.set(HALF);
        drop(held);
        assert_eq!((load.bytes(), load.connections()), (0, 0));
    }

    #[test]
    fn connections_are_bounded() {
        let load = Arc::default();
        let shares: Vec<Share> = (0..CONNECTIONS_MAX).map(|_| share(&load)).collect();
        assert!(load.admit().is_none());
        assert_eq!((load.connections(), load.refused()), (CONNECTIONS_MAX, 1));
        drop(shares);
        assert!(load.admit().is_some());
    }

    #[tokio::test]
    async fn who_has_held_much_for_long_is_closed_for_another() {
        let load = Arc::default();
        let (old, new) = (share(&load), share(&load));
        let (mut hoard, mut wanted) = (old.hold(), new.hold());
        assert!(hoard.try_set(HALF + 1));
        assert!(!wanted.try_set(HALF), "so young a hoard is left alone");
        assert!(wanted.try_set(FREE_BYTES), "a little is always free");
        wanted.wait_for(HALF).await;
        old.closed().await;
        assert_eq!((load.closed(), load.bytes()), (1, HALF));
        drop(hoard);
        assert_eq!(load.bytes(), HALF);
    }
}
