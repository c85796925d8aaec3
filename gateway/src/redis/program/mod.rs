//! Optimistic programs: commands whose effects depend on data run here, on the member that got
//! them, and only their guarded effects are replicated.

mod cache_changes;
mod contended;
mod contest;
mod guards;
mod heard;
mod item;
mod key_queues;
pub mod lua;
mod overlay;
mod reader;
mod records;
mod run;
mod spans;
mod view;

pub use contended::Contended;
pub use item::ItemLife;
pub use key_queues::KeyQueues;
pub use reader::{LocalReader, Reader};
pub use records::Records;
pub use run::{Failure, Kind, Scope, barrier, run, run_sync};
pub use view::{TOO_MUCH, View};
