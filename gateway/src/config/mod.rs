//! Settings: etcd's flags, variables and configuration file, and our own, read into one checked
//! value.

mod arguments;
mod catalogue;
mod durations;
mod file;
mod flags;
mod gates;
mod given;
mod reading;
mod settings;
mod values;

pub use reading::{Parsed, read};
pub use settings::{LogFormat, LogOutput, RedisListen, Settings};
