//! How a log is opened: sizes, marks and the hooks to the outside.

use std::sync::Arc;
use std::time::Duration;

use super::error::LogFault;
use super::mark::Mark;

/// Called once, on the thread that met it, when the log stops for good.
pub type OnFatal = Arc<dyn Fn(&LogFault) + Send + Sync>;
/// A monotonic clock: time since any fixed point. Used for metrics only.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Sizes and hooks. `Default` is for production, [`Options::small`] for tests and simulation.
#[derive(Clone)]
pub struct Options {
    /// Bytes of a segment file. A larger group gets a larger file of its own.
    pub segment_bytes: u64,
    /// Bytes of a new log's very first segment: small, so that a first start waits for little.
    pub first_segment_bytes: u64,
    /// Groups begin at multiples of this many bytes (a power of two, at least 512). With the page
    /// size every write is of whole pages: the kernel never reads a page in order to change it,
    /// and no synced byte is ever written again.
    pub align_bytes: u64,
    /// Requests are gathered into one group up to about this many bytes.
    pub group_bytes: u64,
    /// Bytes of recent entries kept in memory; what is not flushed yet is always kept.
    pub cache_bytes: usize,
    /// Purged segment files kept for use as new ones.
    pub spares_max: usize,
    /// After this long without a request the thread appends a seal group; never if none.
    pub seal_after: Option<Duration>,
    /// Refuse to open a log that ends before this.
    pub synced_at_least: Option<Mark>,
    /// Refuse to make a new log: there was one.
    pub must_exist: bool,
    /// Told once when the log stops for good.
    pub on_fatal: Option<OnFatal>,
    /// Times the syncs. Without one durations are zero.
    pub clock: Option<Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            first_segment_bytes: 1 << 20,
            align_bytes: 4096,
            group_bytes: 8 << 20,
            cache_bytes: 16 << 20,
            spares_max: 2,
            seal_after: Some(Duration::from_millis(20)),
            synced_at_least: None,
            must_exist: false,
            on_fatal: None,
            clock: None,
        }
    }
}

impl Options {
    /// Small segments and a small cache, so that tests cross their limits quickly.
    pub fn small() -> Self {
        Self {
            segment_bytes: 8 << 10,
            first_segment_bytes: 4 << 10,
            align_bytes: 512,
            group_bytes: 4 << 10,
            cache_bytes: 1 << 10,
            ..Self::default()
        }
    }
}
