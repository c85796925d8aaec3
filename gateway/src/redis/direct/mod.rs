//! The hot commands as one txn each, proposed without a read before: a lock taken by SET NX PX
//! costs one log entry and no round trip besides.
//!
//! A plan means exactly what the command's implementation on a view means; what a plan can't say
//! is left to the view (None).

mod choice;
mod hash;
mod key;
mod plan;
mod string;

pub use choice::{Place, plan};
pub use plan::{Plan, Rule};
