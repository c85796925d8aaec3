//! Which server: the two real ones, or ours.

use std::path::PathBuf;

use crate::peers;
use crate::program;
use crate::trouble::Trouble;

/// A server program that the harness can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Etcd,
    Redis,
    Quorate,
    /// Quorate with etcd's flags and no other: it opens what etcd opens.
    QuorateAsEtcd,
}

impl Kind {
    /// The server's program, built or installed on first use.
    pub fn program(self) -> Result<PathBuf, Trouble> {
        match self {
            Self::Etcd => peers::etcd(),
            Self::Redis => peers::redis_server(),
            Self::Quorate | Self::QuorateAsEtcd => program::quorate(),
        }
    }

    /// Whether it answers etcd's protocol.
    pub fn speaks_etcd(self) -> bool {
        self != Self::Redis
    }

    /// Whether it answers Redis's protocol.
    pub fn speaks_redis(self) -> bool {
        matches!(self, Self::Redis | Self::Quorate)
    }
}
