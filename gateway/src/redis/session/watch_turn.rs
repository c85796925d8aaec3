//! A turn for what WATCH watches. A loop of WATCH, reads and EXEC that found again and again that
//! others were quicker gets a turn with the next WATCH, until an EXEC of its client was done, and
//! no longer than a moment: others' writes wait meanwhile. What they had sent before they heard of
//! the turn may still make an EXEC fail; the next WATCH goes on with it. Who does not come to EXEC
//! with it has to lose again before there is another: nobody holds up others by watching alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use quorate_core::node::{Node, Turn};
use quorate_core::types::{Now, Principal};
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Lost EXECs in a row that lead to a turn; each that was done makes up for one.
const LOSSES_MAX: u32 = 2;
const LOSSES_COUNTED_MAX: u32 = 3;
/// What a client may take from the first WATCH to EXEC, beside what its reads take, each of which
/// asks other members.
const LENT_MAX: Duration = Duration::from_millis(200);

/// What those reads are given at most, however far a member is: all writers wait meanwhile.
const FAR_MAX: Duration = Duration::from_secs(2);

/// A turn with its end, whatever the client does.
pub struct Lent {
    pub turn: Turn,
    ends: Instant,
}

/// What a connection's EXECs have come to, and the turn it has.
#[derive(Default)]
pub struct WatchTurn {
    losses: Arc<AtomicU32>,
    /// With what ends it in time.
    lent: Arc<Mutex<Option<(Lent, AbortHandle)>>>,
}

impl WatchTurn {
    /// Before the first key is watched; the times of the barrier that a turn is. Without one it
    /// goes on as well as it can.
    pub async fn begin(
        &self,
        node: &Node,
        principal: &Principal,
        deadline: Instant,
    ) -> Option<Now> {
        if self.losses.load(Ordering::Relaxed) < LOSSES_MAX || self.lent.lock().is_some() {
            return None;
        }
        let turn = node.turn(principal, deadline).await.ok().flatten()?;
        let barrier = node.barrier_of(turn.asked());
        let far = (2 * node.distance()).min(FAR_MAX);
        let ends = Instant::now() + LENT_MAX + far;
        self.lend(Lent { turn, ends });
        barrier.map(|barrier| barrier.now)
    }

    /// A turn goes on, as its EXEC was not done.
    pub fn lend(&self, turn: Lent) {
        let (lent, losses, ends) = (self.lent.clone(), self.losses.clone(), turn.ends);
        let ending = tokio::spawn(async move {
            tokio::time::sleep_until(ends).await;
            if lent.lock().take().is_some() {
                losses.store(0, Ordering::Relaxed);
            }
        });
        *self.lent.lock() = Some((turn, ending.abort_handle()));
    }

    /// For EXEC, which ends it if it is done.
    pub fn take(&self) -> Option<Lent> {
        let (turn, ending) = self.lent.lock().take()?;
        ending.abort();
        Some(turn)
    }

    /// It is over, whatever else the connection does, without an EXEC.
    pub fn give_back(&self) {
        if self.take().is_some() {
            self.losses.store(0, Ordering::Relaxed);
        }
    }

    /// How an EXEC that watched something ended. One that was lost has not ended its turn.
    pub fn told(&self, is_lost: bool) {
        let losses = self.losses.load(Ordering::Relaxed);
        let now = match is_lost {
            true => (losses + 1).min(LOSSES_COUNTED_MAX),
            false => {
                drop(self.take());
                losses.saturating_sub(1)
            }
        };
        self.losses.store(now, Ordering::Relaxed);
    }
}

/// A connection that ends holds up nobody.
impl Drop for WatchTurn {
    fn drop(&mut self) {
        self.give_back();
    }
}
