//! Every command of the Redis front end: a registry row and an implementation each.

mod call;
mod registry;
mod row;
pub mod string;

pub use call::{call, check};
pub use registry::{all, lookup};
pub use row::{Data, Keys, Row, Run, Session};
