//! The only door to storage: a narrow trait, the real disk behind it, and a simulated one.
//!
//! Nothing else in the core opens a file, so a simulator can lose, tear and fail writes.

mod contract;
mod crash;
mod real;
mod sim;

pub use contract::{Disk, DiskFile, DiskLock};
pub use real::RealDisk;
pub use sim::{Fault, SimDisk, SimOp};
