//! Commands on hashes.

mod delete;
mod increment;
mod list;
mod lookup;
mod random;
mod rows;
mod scan;
mod set;

pub use rows::ROWS;
