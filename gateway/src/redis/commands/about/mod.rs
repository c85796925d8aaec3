//! What tells of the commands themselves.

mod command;
mod introspection;
mod pubsub;
mod rows;

pub use pubsub::{answer, pubsub, question};
pub use rows::ROWS;
