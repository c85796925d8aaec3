//! The Lua 5.1 of scripts: Redis's environment, bounded in time, instructions and memory.
//!
//! A script runs against a `Host`, in place of its caller while it is short, else on a thread of
//! its own kind; its effects are the host's. Nothing here knows the replicated log.

mod arguments;
mod bit;
mod budget;
mod builtins;
mod cjson;
mod cmsgpack;
mod from_reply;
mod host;
mod interpreter;
mod kill;
mod limits;
mod number;
mod pattern;
mod place;
mod processor;
mod raised;
mod random;
mod redis_api;
mod run;
mod script;
mod shared;
mod strings;
mod structs;
mod threads;
mod to_reply;
mod wide;

#[cfg(test)]
mod tests;

pub use host::Host;
pub use kill::kill_scripts;
pub use place::{in_place, may_go_on};
pub use run::{check, run};
pub use script::Script;
pub use threads::{Kind, Threads};
