//! The log's only door to storage: a narrow trait, the real disk behind it, and for tests a
//! simulated one, which can lose, tear and fail writes. The versions store has a door of its own
//! (`versions::Medium`); the data directory's lock and identity are plain files.

mod contract;
#[cfg(any(test, feature = "internals"))]
mod crash;
mod real;
#[cfg(any(test, feature = "internals"))]
mod sim;

pub use contract::{Disk, DiskFile, DiskLock};
pub use real::RealDisk;
#[cfg(any(test, feature = "internals"))]
pub use sim::{Fault, SimDisk, SimOp};
