//! Keeps cluster time moving while anything can expire: the leader appends a `Tick` at each
//! deadline, and at least every half second while a time to live runs. With nothing that can expire
//! there is no traffic.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::clock::SAMPLE_INTERVAL;
use super::core::{Core, Route};
use super::replica::Glance;
use crate::command::Command;
use crate::limits::{EXPIRED_KEYS_PER_ENTRY_MAX, EXPIRED_KEYS_PER_TICK_MAX};
use crate::types::Stamp;

/// The longest time between stamped entries while something can expire.
const TICK_INTERVAL: Duration = Duration::from_millis(500);

/// Ticks that go into an entry together.
const TICKS_MAX: usize = EXPIRED_KEYS_PER_ENTRY_MAX / EXPIRED_KEYS_PER_TICK_MAX;

/// Whether the time that has passed would be lost with this leader. A point of wall time stays
/// where it is.
fn needs_time(glance: &Glance, stamp: Stamp) -> bool {
    let passed = stamp.clock.0.saturating_sub(glance.now.clock.0);
    glance.first_ends.clock.is_some() && u128::from(passed) >= TICK_INTERVAL.as_millis()
}

/// Runs until the node stops.
pub(crate) async fn run(core: Arc<Core>) {
    let mut ticked = Instant::now();
    let mut is_behind = false;
    // The last entry before the last tick.
    let mut before = 0;
    loop {
        if !is_behind {
            tokio::select! {
                () = tokio::time::sleep(SAMPLE_INTERVAL) => {}
                () = core.ends_wanted.notified() => {}
            }
        }
        is_behind = false;
        core.replica.clock.sample();
        let Route::Here(stamp) = core.route() else {
            continue;
        };
        let glance = core.replica.glance();
        let is_due = glance.first_ends.is_due(stamp.now());
        let is_time = needs_time(&glance, stamp) && ticked.elapsed() >= TICK_INTERVAL;
        if !is_due && !is_time {
            continue;
        }
        ticked = Instant::now();
        let deadline = Instant::now() + core.pulse.election_timeout();
        // Where nobody else has written since the tick before, an entry ends as many as it may.
        let is_alone = is_due && core.proposals.pending() == 0 && glance.applied == before + 1;
        let ticks = if is_alone { TICKS_MAX } else { 1 };
        before = glance.applied;
        // Nothing is lost if one fails: the next round, or the next leader, ticks again.
        let tick = || core.submit(Default::default(), Command::Tick, deadline);
        let ticked = join_all((0..ticks).map(|_| tick())).await;
        // More than an entry ends follows at once: what else waits comes in between, so that both
        // have their share. Nor does it take all of the store's.
        let was_taken = ticked.iter().all(Result::is_ok);
        is_behind = was_taken && is_due && !core.versions().lag().is_rising;
    }
}
