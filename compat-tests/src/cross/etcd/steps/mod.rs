//! The steps of a sequence. A step is made from a number and from what is known of the state, so
//! that it still means something when steps before it are taken away.

mod choose;
mod draw;
mod lease;
mod other;
mod range;
mod step;
mod txn;
mod watch;
mod write;

pub use choose::step;
pub use step::Step;
pub use write::LARGE_PREFIX;
