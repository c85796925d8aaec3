//! Commands on keys of any type, on databases, and those that touch no data.

mod basic;
mod cursor;
mod database;
mod delete;
mod expire;
mod glob;
mod keys;
mod rename;
mod rows;
mod scan;
mod ttl;

pub use cursor::{Cursor, ScanOptions, pick, place};
pub use glob::glob;
pub use rows::ROWS;
