//! Quorate's core: one replicated, durable state machine of keys, revisions, leases and watches.
//! Front ends see what this file exports and nothing else. The core's own tests look below it, by
//! the feature `internals`, which no program turns on.

pub mod command;
pub mod float;
mod hash;
pub mod limits;
#[cfg(feature = "mutants")]
pub mod mutants;
pub mod node;
pub mod outcome;
mod raft;
pub mod state;
pub mod swept;
pub mod types;

#[cfg(not(feature = "internals"))]
mod codec;
#[cfg(feature = "internals")]
pub mod codec;
#[cfg(not(feature = "internals"))]
mod disk;
#[cfg(feature = "internals")]
pub mod disk;
#[cfg(not(feature = "internals"))]
mod log;
#[cfg(feature = "internals")]
pub mod log;
#[cfg(not(feature = "internals"))]
mod peer;
#[cfg(feature = "internals")]
pub mod peer;
#[cfg(not(feature = "internals"))]
mod versions;
#[cfg(feature = "internals")]
pub mod versions;
