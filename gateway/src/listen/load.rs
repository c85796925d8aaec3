//! What clients make the server hold, bounded for all of them together: connections, and the bytes
//! that connections have sent and that are not used up, or were answered and have not read.
//!
//! A connection may always hold a little, which is not counted. One that wants more asks first:
//! one that would hold a modest amount finds a part of the room that the greedy don't get. While
//! there is none, it waits or is refused, and those that hold the most without giving it back are
//! closed. A client in good order takes and gives back within moments, whatever its sizes. What the
//! server itself is at work on is counted, and is nobody's hoard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::hoards::{Hoards, Place};

/// Connections of all listeners together (Redis: maxclients).
pub const CONNECTIONS_MAX: usize = 10_000;

/// Bytes held for all connections, those that hold little not counted.
pub const BUFFERS_BYTES_MAX: usize = 48 * 1024 * 1024;

/// What a connection may hold uncounted, of what came in and of what goes out.
pub(super) const FREE_BYTES: usize = 4 * 1024;

/// What a connection may hold that is not greedy, and what the greedy find for themselves.
const MODEST_BYTES: usize = 64 * 1024;
const GREEDY_BYTES_MAX: usize = BUFFERS_BYTES_MAX * 2 / 3;

/// How long a connection may hold the same bytes while another wants room, if that one is greedy,
/// and if it is not: then it must not wait.
const HOARD_TIME_MAX: Duration = Duration::from_secs(1);
const HOARD_TIME_MIN: Duration = Duration::from_millis(50);

/// Between two looks whether a hoard has been given back.
const RENEWAL_TIME: Duration = Duration::from_millis(10);

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
    /// Those of `bytes` whose connections are about to be dropped.
    doomed: AtomicUsize,
    /// Connections that hold more than the free bytes.
    hoards: Mutex<Hoards>,
    /// What is kept for clients, and what was refused to be.
    pub(super) kept: AtomicUsize,
    pub(super) kept_refused: AtomicU64,
}

impl Load {
    /// Counts a connection in; None if there are too many.
    pub fn admit(self: &Arc<Load>) -> Option<Share> {
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        let slot = Slot(self.clone());
        if before < CONNECTIONS_MAX {
            return Some(Share {
                account: Arc::default(),
                slot: Arc::new(slot),
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

    /// Whether a connection may hold so many bytes more, all its bytes then being `after`. Hoarders
    /// are closed for it if need be.
    fn has_room(&self, more: usize, after: usize) -> bool {
        let (all_max, age_min) = match after <= MODEST_BYTES {
            true => (BUFFERS_BYTES_MAX, HOARD_TIME_MIN),
            false => (GREEDY_BYTES_MAX, HOARD_TIME_MAX),
        };
        while self.bytes() + more > all_max {
            // What closed ones hold is room only once they are gone.
            if self.bytes_to_stay() + more <= all_max {
                return false;
            }
            let greediest = self.hoards.lock().take_greediest(age_min);
            let Some(account) = greediest else {
                return false;
            };
            self.close(&account);
        }
        true
    }

    fn bytes_to_stay(&self) -> usize {
        self.bytes()
            .saturating_sub(self.doomed.load(Ordering::Relaxed))
    }

    fn sort(&self, listed: &mut Listed, bytes: usize) {
        if !listed.place.is_for(bytes) {
            listed.place = self.hoards.lock().sort(listed.place, bytes);
        }
    }

    /// Has a connection dropped that was on the list.
    fn close(&self, account: &Account) {
        let mut held = account.held.lock();
        if held.listed.take().is_some() && !held.is_closed {
            held.is_closed = true;
            self.doomed.fetch_add(held.bytes, Ordering::Relaxed);
            self.closed.fetch_add(1, Ordering::Relaxed);
            account.closed.notify_one();
        }
    }
}

/// A connection's place among all.
struct Slot(Arc<Load>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What one connection holds.
#[derive(Default)]
pub(super) struct Account {
    held: Mutex<Sum>,
    closed: Notify,
    starved: Notify,
}

#[derive(Default)]
struct Sum {
    bytes: usize,
    /// Those of `bytes` that came in.
    incoming: usize,
    /// Those of `bytes` that the server is at work on.
    at_work: usize,
    /// How much of that work waits for room: it may be for good.
    waiting: usize,
    /// Where it is listed as a hoard; its bytes are counted while it is.
    listed: Option<Listed>,
    is_closed: bool,
}

struct Listed {
    place: Place,
    /// Bytes given back since then.
    given: usize,
    since: Instant,
}

impl Sum {
    /// What its client makes it hold.
    fn hoarded(&self) -> usize {
        match self.waiting {
            0 => self.bytes - self.at_work,
            _ => self.bytes,
        }
    }
}

impl Listed {
    /// Whether all that it holds came after what it has given back: then it is no hoard yet.
    fn is_renewed(&self, bytes: usize) -> bool {
        self.given >= bytes && self.since.elapsed() >= RENEWAL_TIME
    }
}

/// One connection's part of the load; cheap to clone.
#[derive(Clone)]
pub struct Share {
    account: Arc<Account>,
    slot: Arc<Slot>,
}

impl Share {
    /// A counter of bytes that this connection holds.
    pub fn hold(&self) -> Held {
        self.counter(false)
    }

    /// The same for bytes that came in.
    pub fn hold_incoming(&self) -> Held {
        self.counter(true)
    }

    fn counter(&self, is_incoming: bool) -> Held {
        Held {
            share: self.clone(),
            bytes: 0,
            is_incoming,
            is_at_work: false,
        }
    }

    /// Resolves when the connection must be dropped because of what it holds.
    pub async fn closed(&self) {
        self.account.closed.notified().await;
    }

    /// Resolves when nothing more has been read for long since there is no room: what is not whole
    /// by now is to be given up.
    pub async fn starved(&self) {
        self.account.starved.notified().await;
    }

    /// Tells all that wait for more of it.
    pub fn starve(&self) {
        self.account.starved.notify_waiters();
    }

    pub fn load(&self) -> &Arc<Load> {
        &self.slot.0
    }

    /// Whether the connection may hold so many bytes more.
    pub fn may_hold(&self, more: usize) -> bool {
        let held = self.account.held.lock();
        if held.hoarded() + more <= FREE_BYTES || held.is_closed {
            return !held.is_closed;
        }
        let after = held.bytes + more;
        let counted = match held.listed {
            Some(_) => more,
            None => after,
        };
        drop(held);
        self.load().has_room(counted, after)
    }

    /// How many of so many bytes may be taken in now.
    pub fn room(&self, wanted: usize) -> usize {
        match self.may_hold(wanted) {
            true => wanted,
            false => FREE_BYTES.saturating_sub(self.account.held.lock().incoming),
        }
    }

    fn grow(&self, more: usize, of: &Held) {
        let (load, mut held) = (self.load(), self.account.held.lock());
        held.bytes += more;
        if of.is_incoming {
            held.incoming += more;
        }
        if of.is_at_work {
            held.at_work += more;
        }
        if held.is_closed {
            load.bytes.fetch_add(more, Ordering::Relaxed);
            load.doomed.fetch_add(more, Ordering::Relaxed);
            return;
        }
        let (bytes, hoarded) = (held.bytes, held.hoarded());
        if let Some(listed) = &mut held.listed {
            load.bytes.fetch_add(more, Ordering::Relaxed);
            load.sort(listed, hoarded);
        } else if bytes > FREE_BYTES {
            load.bytes.fetch_add(bytes, Ordering::Relaxed);
            held.listed = Some(self.list(hoarded));
        }
    }

    fn shrink(&self, less: usize, of: &Held) {
        let (load, mut held) = (self.load(), self.account.held.lock());
        held.bytes -= less;
        if of.is_incoming {
            held.incoming -= less;
        }
        if of.is_at_work {
            held.at_work -= less;
        }
        if held.is_closed {
            load.bytes.fetch_sub(less, Ordering::Relaxed);
            load.doomed.fetch_sub(less, Ordering::Relaxed);
            return;
        }
        let (bytes, hoarded) = (held.bytes, held.hoarded());
        let Some(listed) = &mut held.listed else {
            return;
        };
        load.bytes.fetch_sub(less, Ordering::Relaxed);
        listed.given += less;
        if bytes <= FREE_BYTES {
            load.bytes.fetch_sub(bytes, Ordering::Relaxed);
            load.hoards.lock().remove(listed.place);
            held.listed = None;
        } else if listed.is_renewed(bytes) {
            load.hoards.lock().remove(listed.place);
            *listed = self.list(hoarded);
        } else {
            load.sort(listed, hoarded);
        }
    }

    /// The server begins to work on so many bytes, or has done.
    fn work(&self, bytes: usize, begins: bool) {
        self.judge(|held| match begins {
            true => held.at_work += bytes,
            false => held.at_work -= bytes,
        });
    }

    /// Work waits for room until this is dropped.
    fn waits(&self) -> Waits<'_> {
        self.judge(|held| held.waiting += 1);
        Waits(self)
    }

    /// What counts as hoarded changes.
    fn judge(&self, change: impl FnOnce(&mut Sum)) {
        let mut held = self.account.held.lock();
        change(&mut held);
        let hoarded = held.hoarded();
        if let Some(listed) = &mut held.listed {
            self.load().sort(listed, hoarded);
        }
    }

    fn list(&self, hoarded: usize) -> Listed {
        let mut hoards = self.load().hoards.lock();
        Listed {
            place: hoards.add(hoarded, self.account.clone()),
            given: 0,
            since: Instant::now(),
        }
    }
}

struct Waits<'a>(&'a Share);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.judge(|held| held.waiting -= 1);
    }
}

/// Bytes held at one place of a connection; given back when dropped.
pub struct Held {
    share: Share,
    bytes: usize,
    is_incoming: bool,
    is_at_work: bool,
}

impl Held {
    /// Whether the server is at work on it, for a time that is its own affair: meanwhile nobody is
    /// closed for it.
    pub fn set_at_work(&mut self, is_at_work: bool) {
        if is_at_work != self.is_at_work {
            self.is_at_work = is_at_work;
            self.share.work(self.bytes, is_at_work);
        }
    }

    /// What is held here now.
    pub fn set(&mut self, bytes: usize) {
        match bytes.cmp(&self.bytes) {
            std::cmp::Ordering::Greater => self.share.grow(bytes - self.bytes, self),
            std::cmp::Ordering::Less => self.share.shrink(self.bytes - bytes, self),
            std::cmp::Ordering::Equal => {}
        }
        self.bytes = bytes;
    }

    /// The same, if there is room; else nothing changes.
    pub fn try_set(&mut self, bytes: usize) -> bool {
        let has_room = bytes <= self.bytes || self.share.may_hold(bytes - self.bytes);
        if has_room {
            self.set(bytes);
        }
        has_room
    }

    /// Counts so many bytes, which can't wait. If there is no room, those that hold the most are
    /// closed; false if this connection is one of them, and is not to take more.
    pub fn insist(&mut self, bytes: usize) -> bool {
        let ages = [HOARD_TIME_MAX, HOARD_TIME_MIN, Duration::ZERO];
        let (load, own) = (self.load().clone(), self.share.account.clone());
        let more = bytes.saturating_sub(self.bytes);
        while !self.try_set(bytes) {
            if own.held.lock().is_closed {
                return false;
            }
            if load.bytes_to_stay() + more <= BUFFERS_BYTES_MAX {
                self.set(bytes);
                return true;
            }
            let mut hoards = load.hoards.lock();
            let greediest = ages.into_iter().find_map(|age| hoards.take_greediest(age));
            drop(hoards);
            let Some(account) = greediest else {
                return false;
            };
            load.close(&account);
        }
        true
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
        if self.try_set(bytes) {
            return;
        }
        let share = self.share.clone();
        let _waits = share.waits();
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
mod tests;
