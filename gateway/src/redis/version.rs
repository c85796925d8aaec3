//! The version of Redis whose commands are kept.

/// What HELLO, INFO and scripts tell: clients switch features by it.
pub const REDIS_VERSION: &str = "7.4.0";

/// The same as 0x00MMmmpp, for scripts.
pub const REDIS_VERSION_NUMBER: u32 = 0x0007_0400;
