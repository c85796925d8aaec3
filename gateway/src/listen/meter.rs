//! How much may be read from a connection, and what was read and belongs to no request yet.
//!
//! Nothing is read for which there is no room, but for a little that every connection may have.
//! What was read counts here until the requests it is for have had a chance to take it over: they
//! are tasks of the same thread, which run once the connection's own task lets them.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::load::{Held, ROOM_TIME_MAX, Share, pause};
use super::turns::turn;

/// Bytes read before those who wait for them have their turn.
const BURST_BYTES: usize = 8 * 1024;

/// A read so small is gone before anybody could count it.
const SMALL_BYTES: usize = 4 * 1024;

pub(super) struct Meter {
    share: Share,
    held: Held,
    /// Bytes that came since the requests had a turn.
    fresh: usize,
    /// They are about to have it: done when all that could run before it did. (To be polled again
    /// says nothing, for the connection's task asks for more with each request that it takes.)
    turn: Option<JoinHandle<()>>,
    /// There was no room: since when, and until the next look.
    waiting: Option<(Instant, Pause)>,
}

type Pause = Pin<Box<dyn Future<Output = ()> + Send>>;

/// It needs no turn any more.
impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(turn) = &self.turn {
            turn.abort();
        }
    }
}

impl Meter {
    pub(super) fn new(share: &Share) -> Meter {
        Meter {
            share: share.clone(),
            held: share.hold_incoming(),
            fresh: 0,
            turn: None,
            waiting: None,
        }
    }

    /// How much may be read now, of which `kept` bytes are there already that belong to nobody.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>, kept: usize) -> Poll<usize> {
        if self.turn.is_some() || self.fresh >= BURST_BYTES {
            ready!(self.poll_turn(cx));
            self.settle(kept);
        }
        loop {
            if let Some((_, pause)) = &mut self.waiting {
                ready!(pause.as_mut().poll(cx));
            }
            let room = self.share.room(BURST_BYTES);
            if room > 0 {
                self.waiting = None;
                return Poll::Ready(room);
            }
            let now = Instant::now();
            let since = self.waiting.take().map_or(now, |(since, _)| since);
            if now.duration_since(since) > ROOM_TIME_MAX {
                self.share.starve();
            }
            self.waiting = Some((since, Box::pin(pause())));
        }
    }

    /// So many bytes were read, and so many belong to nobody now.
    pub(super) fn came(&mut self, bytes: usize, kept: usize) {
        self.fresh += bytes;
        self.held.set(kept + self.fresh);
    }

    /// There is nothing more to read for now.
    pub(super) fn nothing_came(&mut self, cx: &mut Context<'_>, kept: usize) {
        if self.fresh > SMALL_BYTES {
            // It was begun now, and wakes this task.
            let _begun = self.poll_turn(cx);
        } else if self.fresh > 0 {
            self.settle(kept);
        }
    }

    fn settle(&mut self, kept: usize) {
        self.fresh = 0;
        self.held.set(kept);
    }

    /// Lets those have their turn who wait for what came.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let turn = self.turn.get_or_insert_with(|| tokio::spawn(turn()));
        let ended = ready!(Pin::new(turn).poll(cx));
        drop(ended);
        self.turn = None;
        Poll::Ready(())
    }
}
