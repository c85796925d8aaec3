//! The log's only door to storage: a narrow trait, the real disk behind it, and a simulated one, so
//! that a simulator can lose, tear and fail writes. The versions store has a door of its own
//! (`versions::Medium`); the data directory's lock and identity are plain files.

mod contract;
mod crash;
mod real;
mod sim;

pub use contract::{Disk, DiskFile, DiskLock};
pub use real::RealDisk;
pub use sim::{Fault, SimDisk, SimOp};
