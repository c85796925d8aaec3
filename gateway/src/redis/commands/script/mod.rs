//! Scripts as commands: EVAL and its kin. (SCRIPT itself concerns the replicated cache and is
//! the session's.)

mod cache;
mod eval;
mod host;
mod rows;

pub use cache::{flushes, script};
pub use rows::ROWS;
