//! Commands on strings.

mod get;
mod rows;

pub use rows::ROWS;
