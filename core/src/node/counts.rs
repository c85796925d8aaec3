//! What a member counts for whoever exports it. Relaxed atomics: each is a sum of its own.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::log::{LogMetrics, SYNC_BUCKET_MICROS};
use crate::outcome::{NodeError, Reply};

/// Proposals made on this member, by all front ends.
#[derive(Debug, Default)]
pub(crate) struct Proposals {
    pending: AtomicU64,
    failed: AtomicU64,
}

/// One of those that are pending, until dropped.
pub(crate) struct Pending<'a>(&'a Proposals);

impl Proposals {
    pub(crate) fn begin(&self) -> Pending<'_> {
        self.pending.fetch_add(1, Relaxed);
        Pending(self)
    }

    /// Waiting for their answers now.
    pub(crate) fn pending(&self) -> u64 {
        self.pending.load(Relaxed)
    }

    /// Ended without an outcome since the start.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }
}

impl Pending<'_> {
    pub(crate) fn ended(self, with: &Result<Reply, NodeError>) {
        if with.is_err() {
            self.0.failed.fetch_add(1, Relaxed);
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Relaxed);
    }
}

/// How long the log's syncs took, since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncTimes {
    /// Upper bounds with the number of syncs that took no longer.
    pub buckets: Vec<(Duration, u64)>,
    pub count: u64,
    pub sum: Duration,
}

impl SyncTimes {
    pub(crate) fn of(log: &LogMetrics) -> SyncTimes {
        let mut count = 0;
        let mut bucket = |(bound, syncs): (&u64, &AtomicU64)| {
            count += syncs.load(Relaxed);
            (Duration::from_micros(*bound), count)
        };
        let pairs = SYNC_BUCKET_MICROS.iter().zip(&log.sync_buckets);
        let buckets = pairs.map(&mut bucket).collect();
        let above = log.sync_buckets[SYNC_BUCKET_MICROS.len()].load(Relaxed);
        SyncTimes {
            buckets,
            count: count + above,
            sum: Duration::from_micros(log.sync_micros.load(Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_the_count_holds_all() {
        let log = LogMetrics::default();
        for (bucket, syncs) in [(0, 3), (2, 2), (SYNC_BUCKET_MICROS.len(), 1)] {
            log.sync_buckets[bucket].store(syncs, Relaxed);
        }
        log.sync_micros.store(9_000_000, Relaxed);
        let times = SyncTimes::of(&log);
        let counts: Vec<u64> = times.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts[..4], [3, 3, 5, 5]);
        assert_eq!((times.count, times.sum), (6, Duration::from_secs(9)));
    }

    #[test]
    fn a_proposal_is_pending_until_it_ends_or_is_given_up() {
        let proposals = Proposals::default();
        let (first, second) = (proposals.begin(), proposals.begin());
        assert_eq!(proposals.pending(), 2);
        first.ended(&Err(NodeError::Timeout));
        drop(second);
        assert_eq!((proposals.pending(), proposals.failed()), (0, 1));
    }
}
