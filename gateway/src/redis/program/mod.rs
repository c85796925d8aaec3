//! Optimistic programs: commands whose effects depend on data run here, on the member that got
//! them, and only their guarded effects are replicated.

mod guards;
mod item;
pub mod lua;
mod overlay;
mod reader;
mod records;
mod run;
mod spans;
mod turns;
mod view;

pub use item::ItemLife;
pub use reader::{LocalReader, Reader};
pub use records::Records;
pub use run::{Failure, Kind, Scope, barrier, run, run_sync};
pub use turns::Turns;
pub use view::{TOO_MUCH, View};
