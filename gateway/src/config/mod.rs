//! Settings: etcd's flags and variables, and our own, read into one checked value.

mod arguments;
mod durations;
mod flags;
mod settings;
mod unsupported;

pub use settings::{LogFormat, Parsed, RedisListen, Settings, read};
