//! Keeps cluster time moving while anything can expire: the leader appends a `Tick` at each
//! deadline, and at least every half second. With nothing that can expire there is no traffic.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Core;
use super::clock::SAMPLE_INTERVAL;
use super::proposer::Route;
use crate::command::Command;

/// The longest time between stamped entries while something can expire.
const TICK_INTERVAL: Duration = Duration::from_millis(500);

/// Runs until the node stops.
pub(crate) async fn run(core: Arc<Core>) {
    let mut ticked = Instant::now();
    loop {
        tokio::time::sleep(SAMPLE_INTERVAL).await;
        core.replica.clock.sample();
        let Route::Here(stamp) = core.route() else {
            continue;
        };
        let glance = core.replica.glance();
        let Some(due) = glance.next_deadline else {
            continue;
        };
        let behind = stamp.clock.0.saturating_sub(glance.clock.0);
        let overdue = due.is_over(stamp.clock);
        if !overdue
            && (behind < TICK_INTERVAL.as_millis() as u64 || ticked.elapsed() < TICK_INTERVAL)
        {
            continue;
        }
        ticked = Instant::now();
        let deadline = Instant::now() + core.pulse.election_timeout();
        // Nothing is lost if it fails: the next round, or the next leader, ticks again.
        drop(
            core.submit(Default::default(), Command::Tick, deadline)
                .await,
        );
    }
}
