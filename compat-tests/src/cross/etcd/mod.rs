//! The cross-check of etcd's protocol: one random sequence of requests, played step by step to
//! the real etcd and to Quorate, every field of every answer compared.
//!
//! `steps` makes requests from a seed and from what the real server said so far; `play` sends
//! them to both; `compare` holds the answers against each other after the one table of `normal`;
//! `run` goes through seeds, shrinks what fails and tells it.

mod compare;
mod context;
mod fault;
mod features;
mod flat;
mod normal;
mod pair;
mod play;
mod run;
mod sequence;
mod session;
mod shrink;
mod side;
mod steps;
mod watch;
mod watching;
mod wire;

pub use fault::{Fault, FaultKind};
pub use pair::{Opponents, Pair};
pub use run::{Outcome, Plan, run};
