//! Figures that INFO tells.

use std::sync::atomic::AtomicU64;

#[derive(Debug, Default)]
pub struct Counters {
    /// The last client's id.
    pub next_client: AtomicU64,
    pub connections: AtomicU64,
    pub commands: AtomicU64,
    /// Runs of programs that others had disturbed.
    pub retries: AtomicU64,
    /// Scripts that were carried out together with others.
    pub in_company: AtomicU64,
}
