//! The façade of a member: propose, barrier, read, watch. Front ends use this and nothing below.

mod api;
mod barrier;
mod census;
mod clock;
mod core;
mod counts;
mod elector;
mod environment;
mod facade;
mod feature_level;
mod forwarded;
mod hand_over;
mod hub;
mod ids;
mod inbox;
mod inflow;
mod intervals;
mod open;
mod pacer;
mod patience;
mod proposer;
mod pulse;
mod queue;
mod rebuild;
mod replica;
mod running;
mod service;
mod settings;
mod start;
mod supervise;
mod walls;
mod watcher;
mod window;

pub use api::{Barrier, EffectsListener, Member, NodeConfig, Polled, Status, Wake};
pub use census::{Census, CensusError, Listening};
pub use clock::{MachineTime, TimeSource};
pub use counts::SyncTimes;
pub use environment::{Environment, OnFatal, Threads, Workers};
pub use facade::Node;
pub use inbox::answer_here;
pub use start::StartError;
pub use watcher::Watcher;

pub use crate::raft::Applier;
pub use crate::versions::{Rewritten, is_panic_foreseen};

pub(crate) use core::Core;
pub(crate) use rebuild::rebuild;
pub(crate) use replica::{Replica, log_id_at};
