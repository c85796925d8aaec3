//! Every limit of the core, with the peer's value beside it.

/// Bytes of one request (etcd: --max-request-bytes, 1.5 MiB).
pub const REQUEST_BYTES_MAX: usize = 1_572_864;

/// Ops of one txn, nested ones counted (etcd: 128 a level, kept by its front end).
pub const TXN_OPS_MAX: usize = 10_000;

/// Keys and values that the ranges of one txn return in all, but for the record that passes it.
/// (etcd: what a message holds, 2 GiB.)
pub const TXN_READ_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How deep txns nest.
pub const TXN_DEPTH_MAX: usize = 32;

/// Keys that end by time in one entry; the rest follow in further ticks.
pub const EXPIRED_KEYS_PER_ENTRY_MAX: usize = 512;

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
    ENTRY_BYTES_MAX > REQUEST_BYTES_MAX,
    "one request must fit in an entry"
);

/// Names of channels or patterns that a member tells another at once. (Redis: what memory holds.)
pub const CENSUS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What this version of the program can apply; entries carry the level they need.
pub const FEATURE_LEVEL: u32 = 1;
