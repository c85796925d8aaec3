//! The core's encoding: golden bytes, round trips, hostile input.

mod golden;
mod hostile;
mod round_trip;
mod strategies;
