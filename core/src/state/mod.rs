//! The deterministic state machine: no I/O, no clock, no randomness, no hash-map order.

mod api;

pub use api::*;
