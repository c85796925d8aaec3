//! The versions store: everything of State on disk (redb), behind apply by a bounded lag.
//!
//! ```text
//! apply ── Change ──▶ queue ──▶ writer thread ──▶ redb (commits; a durable one every ~75 ms)
//!   └── events ─────▶ RecentEvents (memory, until durable) ◀── history reads ──┘
//! ```
//! Invariants: a transaction holds whole changes with the position of the last one; what is not
//! durable yet is still in memory and in Raft's log; history reads find each version in memory or
//! on disk; rows that are deleted were superseded at or below the compact revision of the same
//! transaction.

mod change;
mod compaction;
mod data_dir;
mod error;
mod events;
mod guarded;

mod hash;
mod history;
mod install;
mod medium;
mod mvcc_proto;
mod queue;
mod recent;
mod restore;
mod rewrite;
mod rows;
mod schema;
mod shared;
mod snapshot;
mod source;
mod store;
mod transaction;
mod worker;
mod writer;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use change::{Change, LogMark, Position};
pub use data_dir::DataDir;
#[cfg(any(test, feature = "internals"))]
pub use data_dir::Identity;
pub use error::VersionsError;
#[cfg(any(test, feature = "internals"))]
pub use events::Slice;
pub use guarded::is_panic_foreseen;
pub(crate) use guarded::or_damaged;
pub use install::{Installer, Sealed};
pub use medium::Directory;
#[cfg(any(test, feature = "internals"))]
pub use medium::{Medium, Slot};
#[cfg(any(test, feature = "internals"))]
pub use queue::Lag;
pub use queue::Rewritten;
#[cfg(any(test, feature = "internals"))]
pub use recent::RecentEvents;
pub use restore::{Part, Restore};
pub use snapshot::SnapshotReader;
#[cfg(any(test, feature = "internals"))]
pub use store::Sizes;
pub use store::{Opened, Options, Versions};
