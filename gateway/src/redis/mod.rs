//! The Redis front end: RESP2 and RESP3 bytes in, commands of the core out, and back.

pub mod args;
pub mod commands;
pub mod fault;
pub mod keyspace;
pub mod number;
pub mod program;
pub mod reply;
