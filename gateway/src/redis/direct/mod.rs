//! What commands are in the core's ops: a command that writes is proposed without a read before,
//! and worked out where it is applied, so that nobody who writes the same keys disturbs it.
//!
//! A plan means exactly what the command's implementation on a view means, which scripts use; what
//! a plan can't say (wrong arguments, mostly) is left to the view (None).

mod choice;
mod hash;
mod key;
mod plan;
mod string;

pub use choice::{Place, plan};
pub use plan::{Plan, Rule};
