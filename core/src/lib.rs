//! Quorate's core: one replicated, durable state machine of keys, revisions, leases and watches.
//! Front ends see what this file exports and nothing else.

// Bans for the deterministic part; it switches them on (state/mod.rs).
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

pub mod codec;
pub mod command;
pub mod limits;
pub mod outcome;
pub mod types;

pub mod disk;
pub mod log;

pub mod node;
pub mod peer;
mod raft;
pub mod state;
pub mod versions;
