//! Counters of the log, read by whoever exports them. Relaxed atomics: each is a sum of its own.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds of the sync duration buckets in microseconds: 1 ms doubled up to 8.192 s, the
/// bounds of etcd's `wal_fsync_duration_seconds`.
pub const SYNC_BUCKET_MICROS: [u64; 14] = [
    1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 512_000, 1_024_000,
    2_048_000, 4_096_000, 8_192_000,
];

/// What the log did since it was opened.
#[derive(Debug, Default)]
pub struct LogMetrics {
    /// Syncs of flush groups that succeeded.
    pub syncs: AtomicU64,
    /// Time in those syncs, in microseconds.
    pub sync_micros: AtomicU64,
    /// Syncs by duration: [`SYNC_BUCKET_MICROS`], then one for all above. Not cumulative.
    pub sync_buckets: [AtomicU64; SYNC_BUCKET_MICROS.len() + 1],
    /// When the running sync began, in microseconds of the clock given, plus one; 0 if none runs.
    /// A watchdog compares it with its clock to see a hung disk.
    pub sync_began_micros: AtomicU64,
    /// Bytes written in flush groups, padding included.
    pub bytes: AtomicU64,
    /// Entries written.
    pub entries: AtomicU64,
    /// Requests flushed; divided by `syncs` it is the mean group size.
    pub requests: AtomicU64,
    /// Requests in the largest group.
    pub group_requests_max: AtomicU64,
    /// Segments taken into use.
    pub segments: AtomicU64,
    /// Segments made from a purged file.
    pub segments_recycled: AtomicU64,
    /// Times that the next segment was not ready and the flusher had to make it.
    pub segments_late: AtomicU64,
}

impl LogMetrics {
    pub(super) fn sync_begins(&self, now: Duration) {
        self.sync_began_micros.store(micros(now) + 1, Relaxed);
    }

    pub(super) fn sync_ends(&self, took: Duration) {
        let took = micros(took);
        self.sync_began_micros.store(0, Relaxed);
        self.syncs.fetch_add(1, Relaxed);
        self.sync_micros.fetch_add(took, Relaxed);
        let bucket = SYNC_BUCKET_MICROS.partition_point(|bound| *bound < took);
        self.sync_buckets[bucket].fetch_add(1, Relaxed);
    }

    pub(super) fn group_written(&self, bytes: u64, requests: u64, entries: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
        self.requests.fetch_add(requests, Relaxed);
        self.entries.fetch_add(entries, Relaxed);
        self.group_requests_max.fetch_max(requests, Relaxed);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
