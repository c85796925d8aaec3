//! What is measured: every workload with the number of its clients and the peer it is held against.
//!
//! Sizes are the same for all: keys of 32 bytes, values of 256 bytes, 100,000 keys.

use quorate_compat_tests::server::Kind;

/// Keys that a workload spreads over.
pub const KEYS: u64 = 100_000;
/// Bytes of every key.
pub const KEY_BYTES: usize = 32;
/// Bytes of every value.
pub const VALUE_BYTES: usize = 256;

/// What one client does again and again, waiting for each answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Put of a random key.
    Puts,
    /// Get of a random key that exists.
    Gets { serializable: bool },
    /// Compare of a key's last revision, then a put of it; the compare always holds.
    Txns,
    /// A put that `WATCHERS` watchers wait for; an operation is one event received.
    Watch,
    /// One keep-alive of the client's lease.
    KeepAlives,
    /// `SET name token NX PX 30000` of a new name, `pipeline` at a time.
    Locks { pipeline: usize },
    /// As `Locks`, each followed by the usual script that deletes the key if the token is ours.
    Unlocks { pipeline: usize },
    /// Locks each taken and given back, `pipeline` pairs of commands in one write.
    Pairs { pipeline: usize },
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    pub name: &'static str,
    pub clients: usize,
    pub load: Load,
}

/// Watchers of one writer's key.
pub const WATCHERS: usize = 100;

const fn row(name: &'static str, clients: usize, load: Load) -> Workload {
    Workload {
        name,
        clients,
        load,
    }
}

/// All of them, in the order of the table.
pub const ALL: [Workload; 17] = [
    row("puts-1", 1, Load::Puts),
    row("puts-64", 64, Load::Puts),
    row("puts-256", 256, Load::Puts),
    row("lin-gets-1", 1, LINEARIZABLE),
    row("lin-gets-256", 256, LINEARIZABLE),
    row("ser-gets-256", 256, Load::Gets { serializable: true }),
    row("txns-64", 64, Load::Txns),
    row("watch-10x100", 10, Load::Watch),
    row("keep-alives-64", 64, Load::KeepAlives),
    row("set-nx-px-1", 1, Load::Locks { pipeline: 1 }),
    row("set-nx-px-50", 50, Load::Locks { pipeline: 1 }),
    row("set-nx-px-50-p16", 50, Load::Locks { pipeline: 16 }),
    row("unlock-1", 1, Load::Unlocks { pipeline: 1 }),
    row("unlock-50", 50, Load::Unlocks { pipeline: 1 }),
    row("unlock-50-p16", 50, Load::Unlocks { pipeline: 16 }),
    row("pairs-1-p1000", 1, Load::Pairs { pipeline: 1_000 }),
    row("pairs-20-p1000", 20, Load::Pairs { pipeline: 1_000 }),
];

const LINEARIZABLE: Load = Load::Gets {
    serializable: false,
};

impl Workload {
    /// The real server that it is held against.
    pub fn peer(&self) -> Kind {
        match self.load {
            Load::Locks { .. } | Load::Unlocks { .. } | Load::Pairs { .. } => Kind::Redis,
            _ => Kind::Etcd,
        }
    }

    /// Connections that its clients share.
    pub fn connections(&self) -> usize {
        match self.load {
            Load::Watch => 16,
            _ => self.clients.min(32),
        }
    }
}
