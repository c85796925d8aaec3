//! Commands on strings.

mod append;
mod delex;
mod expiry;
mod float;
mod get;
mod getex;
mod increment;
mod many;
mod range;
mod replace;
mod rows;
mod set;
mod setex;

pub use expiry::{RELATIVE_MS_MAX, Unit};
pub use rows::ROWS;
