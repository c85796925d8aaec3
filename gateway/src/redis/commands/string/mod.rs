//! Commands on strings.

mod append;
mod delex;
mod expiry;
mod extended;
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

pub use expiry::{Expiry, RELATIVE_MS_MAX, Unit};
pub use float::{Decimal, add_floats};
pub use rows::ROWS;
pub use set::{Condition, SetOptions};
