//! The kinds of hostile clients.

mod etcd;
mod peers;
mod redis;

use quorate_compat_tests::server::Ports;

use crate::crowd::Manner;

/// Whose protocol it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    Etcd,
    Redis,
    Peers,
}

impl Speaks {
    pub fn port(self, ports: Ports) -> u16 {
        match self {
            Speaks::Etcd => ports.client,
            Speaks::Redis => ports.redis,
            Speaks::Peers => ports.peer,
        }
    }
}

/// What goes on beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    Nothing,
    /// What it watches is written, 100 KB each time.
    Writes,
    /// What it subscribes to is published, 100 KB each time.
    Messages,
}

pub struct Kind {
    pub name: &'static str,
    pub speaks: Speaks,
    /// How many in a short run, and in a full one.
    pub short: usize,
    pub full: usize,
    /// Over how many connections so many are.
    pub connections: fn(usize) -> usize,
    /// What one of the connections says, of so many things.
    pub bytes: fn(usize) -> Vec<u8>,
    pub manner: Manner,
    pub beside: Beside,
    /// What each takes besides, by what is published of its kind.
    pub kib_each: u64,
    /// What all of them together may have kept, by what is published.
    pub kept_mib: u64,
}

/// Each has a connection of its own.
const fn on_own(
    name: &'static str,
    speaks: Speaks,
    (short, full): (usize, usize),
    bytes: fn(usize) -> Vec<u8>,
) -> Kind {
    Kind {
        name,
        speaks,
        short,
        full,
        connections: |count| count,
        bytes,
        manner: Manner::Stay,
        beside: Beside::Nothing,
        kib_each: 0,
        kept_mib: 0,
    }
}

pub fn all() -> impl Iterator<Item = &'static Kind> {
    [etcd::KINDS, redis::KINDS, peers::KINDS]
        .into_iter()
        .flatten()
}
