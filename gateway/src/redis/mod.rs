//! The Redis front end: RESP2 and RESP3 bytes in, commands of the core out, and back.

mod args;
mod client;
mod commands;
mod connection;
mod context;
mod counters;
mod fault;
mod frame;
mod guard_rail;
mod info;
mod keyspace;
mod number;
mod plan;
mod program;
mod pubsub;
mod refusal;
mod reply;
mod session;
mod version;

pub use connection::serve_connection_of;
pub use context::{Context, Options};
pub use keyspace::settings;
