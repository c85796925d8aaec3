//! Quorate's core: one replicated, durable state machine of keys, revisions, leases and watches.
//! Front ends see what this file exports and nothing else.

pub mod codec;
pub mod command;
mod hash;
pub mod limits;
pub mod outcome;
pub mod swept;
pub mod types;

pub mod disk;
pub mod log;

pub mod node;
pub mod peer;
mod raft;
pub mod state;
pub mod versions;
