//! The deterministic state machine: no I/O, no clock, no randomness, no hash-map order. The same
//! entries make the same state on every member, byte for byte.
//!
//! A command is worked out on a `Draft`, a write view over the state; only a command that succeeds
//! is committed, so a refusal changes nothing. Lives that are due end before a command looks.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

mod apply;
mod authorize;
mod changes;
mod check;
mod chunks;
mod cluster;
mod data;
mod deletion;
mod digest;
mod draft;
mod ends;
mod expire;
mod forgetful;
mod graves;
mod guard;
mod history;
mod index;
mod leases;
mod lives;
mod past;
mod program;
mod quota;
mod range;
mod read_room;
mod restore;
mod room;
mod scalars;
mod select;
mod slot;
mod strings;
mod tables;
mod taken;
mod trial;
mod txn;
mod value;
mod visits;
mod work_off;

pub use authorize::authorize;
pub use ends::FirstEnds;
pub use forgetful::Forgetful;
pub use history::{History, Unreadable};
pub use lives::Lease;
pub use past::{PastRange, read_past};
pub use quota::needs_space;
pub use read_room::ReadRoom;
pub use restore::{Builder, RestoreError};
pub use select::{finish, is_as_found};
pub use tables::MemberInfo;
pub use taken::Last;
pub use trial::Trial;
pub use value::State;
