//! Every limit of the core, with the peer's value beside it.
//!
//! What a request brings, and what may come of it: a request names keys and values that are there
//! already, so its own size bounds nothing. All of these are judged in apply, by replicated
//! numbers, before anything changes.
//!
//! ```text
//! a request             REQUEST_BYTES_MAX      1.5 MiB
//! a command made of it  COMMAND_BYTES_MAX        3 MiB   prefixes of keys, guards of programs
//!                       TXN_OPS_MAX          131,072     as many as a request can name keys
//! a value               REQUEST_BYTES_MAX      1.5 MiB   whatever made it
//! a txn makes           TXN_MADE_BYTES_MAX      32 MiB   keys and values written or copied
//!       leaves          TXN_MADE_BYTES_MAX      32 MiB   the records of all keys it has changed
//!       answers         TXN_READ_BYTES_MAX      32 MiB   what its ranges return; not a program's,
//!                                                        whose records are the state's own
//!                       TXN_PREVIOUS_BYTES_MAX  32 MiB   what it replaced, if that is asked for
//!       looks at        TXN_VISITED_KEYS_MAX     1 M     keys, beside those of its largest op
//! a key in a txn        one change: one event, one row, one previous value
//! a field of a hash     a change costs the field and a path to it, not the hash
//! an entry makes        ENTRY_MADE_BYTES_MAX   128 MiB   together; what is small is always taken
//!          looks at     ENTRY_VISITED_KEYS_MAX   4 M     the same
//! ```

/// Bytes of one request (etcd: --max-request-bytes, 1.5 MiB).
pub const REQUEST_BYTES_MAX: usize = 1_572_864;

/// Bytes of one command, about: a request with the prefixes of its keys and a program's guards.
pub const COMMAND_BYTES_MAX: usize = 2 * REQUEST_BYTES_MAX;

/// Ops of one txn, nested ones counted (etcd: 128 a level, kept by its front end).
pub const TXN_OPS_MAX: usize = 131_072;

/// Bytes of Redis's protocol for the shortest key and value of an MSET.
const SHORTEST_PAIR_BYTES: usize = b"$1\r\nk\r\n$1\r\nv\r\n".len();

const _: () = assert!(
    TXN_OPS_MAX > REQUEST_BYTES_MAX / SHORTEST_PAIR_BYTES,
    "an MSET that fits in a request is a txn"
);

/// Bytes that the ops of one txn write or copy, and those of the records that it leaves.
pub const TXN_MADE_BYTES_MAX: usize = 32 * 1024 * 1024;

const _: () = assert!(
    TXN_MADE_BYTES_MAX > 4 * COMMAND_BYTES_MAX,
    "what a command brings itself has room"
);

/// Keys and values that the ranges of one txn return in all, but for the record that passes it.
/// (etcd: what a message holds, 2 GiB.)
pub const TXN_READ_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The same of what puts and deletions return as replaced.
pub const TXN_PREVIOUS_BYTES_MAX: usize = TXN_READ_BYTES_MAX;

/// Keys that one txn looks at, but for those of the op that looks at most. (etcd: no bound.)
pub const TXN_VISITED_KEYS_MAX: u64 = 1_000_000;

/// What the txns of one entry make together, and the keys that they look at.
pub const ENTRY_MADE_BYTES_MAX: usize = 4 * TXN_MADE_BYTES_MAX;
pub const ENTRY_VISITED_KEYS_MAX: u64 = 4 * TXN_VISITED_KEYS_MAX;

/// How deep txns nest.
pub const TXN_DEPTH_MAX: usize = 32;

/// Keys that end by time with one tick, and in one entry, which may hold several; the rest follow.
pub const EXPIRED_KEYS_PER_TICK_MAX: usize = 512;
pub const EXPIRED_KEYS_PER_ENTRY_MAX: usize = 8 * EXPIRED_KEYS_PER_TICK_MAX;

/// The same for an entry that came for something else, which is not to wait for them.
pub const EXPIRED_KEYS_BESIDE_MAX: usize = 128;

/// Longest life of a lease, in seconds (etcd: 9,000,000,000).
pub const LEASE_TTL_SECONDS_MAX: u64 = 9_000_000_000;

/// Renewals coalesced into one entry.
pub const RENEWALS_PER_ENTRY_MAX: usize = 1_000;

/// Memory of the cache of scripts; beyond it one goes for each that comes. (Redis: none.)
pub const SCRIPTS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Commands in one log entry, and their bytes.
pub const PROPOSALS_PER_ENTRY_MAX: usize = 1_024;
pub const ENTRY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Proposals waiting at once to be sent by a member, and as many for others by a leader; more are
/// refused as overload (etcd: 5,000 not yet applied).
pub const PROPOSALS_WAITING_MAX: usize = 20_000;

const _: () = assert!(
    ENTRY_BYTES_MAX > COMMAND_BYTES_MAX,
    "one command must fit in an entry"
);

/// Turns that are asked for and have not come, on all members together; more are refused.
pub const TURNS_WAITING_MAX: usize = 10_000;

/// Names of channels or patterns that a member tells another at once. (Redis: what memory holds.)
pub const CENSUS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What this version of the program can apply; entries carry the level they need.
pub const FEATURE_LEVEL: u32 = 2;
/// The level of a cluster before its first entry: any program can apply it.
pub const FEATURE_LEVEL_MIN: u32 = 1;
/// The level from which a cluster knows what it was founded with.
pub const FEATURE_LEVEL_FOUNDED: u32 = 2;

const _: () = assert!(
    FEATURE_LEVEL >= FEATURE_LEVEL_FOUNDED && FEATURE_LEVEL_FOUNDED > FEATURE_LEVEL_MIN,
    "the first entry raises the level"
);
