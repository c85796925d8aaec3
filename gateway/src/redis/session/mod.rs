//! One connection's conversation: what it has chosen, queued, watched and subscribed to, and the
//! commands that concern the connection or this member rather than data.

mod ahead;
mod client_command;
mod company;
mod config;
mod crowds;
mod data;
mod dispatch;
mod exec;
mod failure;
mod fitting;
mod function_command;
mod hello;
mod ordered;
mod pipeline;
mod publish;
mod remade;
mod role;
mod script_command;
mod state;
mod subscribe;
mod together;
mod watch;
mod watch_turn;

pub use crowds::Crowds;
pub use exec::cost;
pub use pipeline::OUTPUT_BYTES_HIGH;
pub use state::Session;
