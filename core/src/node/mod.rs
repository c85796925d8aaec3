//! The façade of a member: propose, barrier, read, watch. Front ends use this and nothing below.

mod api;
mod applier;
mod barrier;
mod barriers;
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
mod incoming;
mod inflow;
mod intervals;
mod leader_news;
mod machine;
mod open;
mod pacer;
mod patience;
mod proposer;
mod pulse;
mod queue;
mod raft_config;
mod rebuild;
mod replica;
mod running;
mod service;
mod settings;
mod start;
mod supervise;
mod turn;
mod turns;
mod walls;
mod watcher;
mod window;

pub use api::{
    Barrier, Census, CensusError, EffectsListener, Listening, Member, NodeConfig, Polled,
    StartError, Status, Wake,
};
pub use applier::Applier;
pub use clock::{MachineTime, TimeSource};
pub use counts::SyncTimes;
pub use environment::{Environment, OnFatal, Threads, Workers};
pub use facade::Node;
pub use inbox::answer_here;
pub use turn::Turn;
pub use turns::TurnCounts;
pub use watcher::Watcher;

pub use crate::versions::{Rewritten, is_panic_foreseen};

#[cfg(test)]
pub(crate) use rebuild::rebuild;
