//! Quorate core.

pub mod disk;
pub mod log;
