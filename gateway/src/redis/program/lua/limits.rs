//! What one script may use. Redis sets no such limits (a busy script is killed by hand); a
//! member that serves others must.

use std::time::Duration;

/// Wall time of one script (Redis: `busy-reply-threshold`, 5 s, after which others are told BUSY).
pub const WALL_MAX: Duration = Duration::from_secs(5);

/// A script that has run this long can be ended by SCRIPT KILL.
pub const KILLABLE_AFTER: Duration = Duration::from_secs(1);

/// Instructions of one script.
pub const INSTRUCTIONS_MAX: u64 = 1_000_000_000;

/// Bytes that one Lua state may hold, and one string made for it.
pub const MEMORY_MAX: usize = 16 * 1024 * 1024;

/// A state that holds more than this after a script is made anew.
pub const MEMORY_KEPT_MAX: usize = 2 * 1024 * 1024;

/// Instructions between two looks at the clock.
pub const INSTRUCTIONS_PER_LOOK: u32 = 1_000;

/// Steps of pattern matching between two looks at the clock.
pub const MATCH_STEPS_PER_LOOK: u32 = 4_096;

/// How deep one pattern match recurses (Lua 5.1: the C stack's end).
pub const MATCH_DEPTH_MAX: usize = 2_000;

/// Compiled scripts each thread keeps.
pub const COMPILED_MAX: usize = 256;

/// Elements of one reply, nested ones counted, and how deep they nest (Redis: about 8,000).
pub const REPLY_ITEMS_MAX: usize = 1_000_000;
pub const REPLY_DEPTH_MAX: usize = 1_000;

/// What scripts that run in place of their caller may take together (time of their thread's
/// processor), and the longest text of one.
/// Most take some microseconds; one that needs more begins anew on a thread for scripts.
pub const IN_PLACE_TIME_MAX: Duration = Duration::from_millis(5);
pub const IN_PLACE_INSTRUCTIONS_MAX: u64 = 50_000;
pub const IN_PLACE_TEXT_MAX: usize = 64 * 1024;

/// Threads that run scripts, the stack of each, and the scripts that wait for one.
pub const THREADS: usize = 3;
pub const STACK_BYTES: usize = 16 * 1024 * 1024;
pub const WAITING_MAX: usize = 1_024;
