//! Every command of the Redis front end: a registry row and an implementation each.

pub mod about;
mod call;
pub mod hash;
pub mod key;
mod registry;
mod row;
pub mod script;
mod session_rows;
pub mod string;
mod subcommands;

pub use call::{call, check, on_view, plan};
pub use registry::{all, lookup};
pub use row::{Keys, Row, Run, Session};
pub use subcommands::full_name;
