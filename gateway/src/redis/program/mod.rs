//! Optimistic programs: commands whose effects depend on data run here, on the member that got
//! them, and only their guarded effects are replicated.

mod cache_changes;
mod contended;
mod contest;
mod guards;
mod heard;
mod key_queues;
pub mod lua;
mod reader;
mod records;
mod run;
mod spans;
mod view;

pub use contended::Contended;
pub use key_queues::KeyQueues;
#[cfg(test)]
pub use reader::Page;
pub use reader::{LocalReader, Reader};
pub use records::Records;
pub use run::{Failure, Kind, Scope, barrier, run, run_sync};
#[cfg(test)]
pub use spans::Settled;
pub use view::{TOO_MUCH, View};
