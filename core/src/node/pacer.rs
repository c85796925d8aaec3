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

/// How many ticks go into an entry.
#[derive(Default)]
struct Share {
    /// What will have been taken when the last ticks were, if nobody else wrote.
    alone: u64,
}

impl Share {
    /// Where nobody else has written since the ticks before, not with them in an entry either, an
    /// entry ends as many as it may.
    fn ticks(&mut self, taken: u64, is_due: bool, waiting: u64) -> usize {
        let is_alone = is_due && waiting == 0 && taken == self.alone;
        let ticks = if is_alone { TICKS_MAX } else { 1 };
        self.alone = taken + ticks as u64;
        ticks
    }
}

/// Runs until the node stops.
pub(crate) async fn run(core: Arc<Core>) {
    let mut ticked = Instant::now();
    let mut is_behind = false;
    let mut share = Share::default();
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
        let ticks = share.ticks(glance.taken, is_due, core.proposals.pending());
        // Nothing is lost if one fails: the next round, or the next leader, ticks again.
        let tick = || core.submit(Default::default(), Command::Tick, deadline);
        let ticked = join_all((0..ticks).map(|_| tick())).await;
        // More than an entry ends follows at once: what else waits comes in between, so that both
        // have their share. Nor does it take all of the store's.
        let was_taken = ticked.iter().all(Result::is_ok);
        is_behind = was_taken && is_due && !core.versions().lag().is_rising;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writers that were answered by the very entry of the ticks were not seen, and the next one
    /// ended as many keys as if there were none: they waited for all of these.
    #[test]
    fn who_writes_with_the_ticks_is_seen() {
        let mut share = Share::default();
        assert_eq!(share.ticks(10, true, 0), 1);
        assert_eq!(share.ticks(11, true, 0), TICKS_MAX);
        let taken = 11 + TICKS_MAX as u64;
        assert_eq!(share.ticks(taken + 1, true, 0), 1, "one came with them");
        assert_eq!(share.ticks(taken + 2, true, 1), 1, "one waits");
        assert_eq!(share.ticks(taken + 3, false, 0), 1, "nothing is due");
        assert_eq!(share.ticks(taken + 4, true, 0), TICKS_MAX);
    }
}
