//! The log: etcd's form, our own levels, and so many lines of a kind.

mod form;
mod levels;
mod limits;
mod lines;
#[cfg(test)]
mod tests;

pub use lines::{end, left_out, start};
