//! Lua 5.1's patterns, bounded in depth and time (Lua's own matcher is bounded in neither, and a
//! script could overrun the stack or match for years).

mod class;
mod matcher;

pub use matcher::{Capture, Matcher, PatternError};
