//! What Quorate publishes of what it holds for clients (docs/HOSTILE-CLIENTS.md), which is what it
//! is judged by.

/// Of all bytes that are held for clients.
pub const HELD_MIB_MAX: u64 = 48;

/// What is kept for Redis's clients, and of keys that are watched.
pub const KEPT_MIB_MAX: u64 = 64;

/// Of a connection besides, what is free included.
pub const HTTP_KIB_MAX: u64 = 48;
pub const REDIS_KIB_MAX: u64 = 28;

/// Of connections of members that don't say who they are, of which there are few at a time.
pub const STRANGER_KIB_MAX: u64 = 1;

/// Of a watch, a keep-alive stream, or a call that waits.
pub const WATCH_KIB_MAX: u64 = 24;

/// What the process takes itself at work.
pub const PROCESS_MIB_MAX: u64 = 56;
