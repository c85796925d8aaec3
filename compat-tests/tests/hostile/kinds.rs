//! The kinds of hostile clients.

use quorate_compat_tests::server::Ports;

use crate::bytes;

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
    pub beside: Beside,
    /// What each takes besides, by what is published of its kind.
    pub kib_each: u64,
}

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
        beside: Beside::Nothing,
        kib_each: 0,
    }
}

const fn on_four(
    name: &'static str,
    (short, full): (usize, usize),
    bytes: fn(usize) -> Vec<u8>,
) -> Kind {
    Kind {
        connections: |_| 4,
        ..on_own(name, Speaks::Etcd, (short, full), bytes)
    }
}

pub const KINDS: &[Kind] = &[
    on_four("calls of which six bytes came", (1_000, 8_000), |count| {
        bytes::half_calls(count / 4)
    }),
    on_own(
        "messages of 1.5 MB, 960 KB of them",
        Speaks::Etcd,
        (200, 3_000),
        |_| bytes::half_message(),
    ),
    on_own(
        "frames of 16 KiB, a part of each",
        Speaks::Etcd,
        (400, 4_000),
        |_| bytes::half_frame(),
    ),
    on_own("headers without end", Speaks::Etcd, (400, 4_000), |_| {
        bytes::half_headers()
    }),
    on_own(
        "HTTP/1.1 heads without end",
        Speaks::Etcd,
        (400, 4_000),
        |_| bytes::half_request(),
    ),
    on_four("calls opened and left", (1_000, 8_000), |count| {
        bytes::calls_left(count / 4)
    }),
    Kind {
        kib_each: 24,
        ..on_four("watches opened and left", (1_000, 8_000), |count| {
            bytes::watches(count / 4)
        })
    },
    Kind {
        connections: |count| count / 20,
        ..on_own(
            "replies of 1 MB with a closed window",
            Speaks::Etcd,
            (400, 4_000),
            |_| bytes::closed_windows(20),
        )
    },
    Kind {
        beside: Beside::Writes,
        ..on_own(
            "watches that never read",
            Speaks::Etcd,
            (100, 1_000),
            |_| bytes::watches(2),
        )
    },
    on_own(
        "commands of 1.5 MB, 960 KB of them",
        Speaks::Redis,
        (200, 3_000),
        |_| bytes::half_command(),
    ),
    on_own("lines without end", Speaks::Redis, (1_000, 8_000), |_| {
        bytes::half_line()
    }),
    on_own(
        "a million arguments announced, some came",
        Speaks::Redis,
        (400, 4_000),
        |_| bytes::half_list(),
    ),
    on_own("MULTI without EXEC", Speaks::Redis, (200, 3_000), |_| {
        bytes::queue()
    }),
    on_own(
        "replies of 1 MB that nobody reads",
        Speaks::Redis,
        (20, 1_000),
        |_| bytes::reads(20),
    ),
    Kind {
        beside: Beside::Messages,
        ..on_own(
            "subscribers that never read",
            Speaks::Redis,
            (20, 1_000),
            |_| bytes::subscription(),
        )
    },
    on_own(
        "members that never say who they are",
        Speaks::Peers,
        (200, 2_000),
        |_| bytes::half_hello(),
    ),
];
