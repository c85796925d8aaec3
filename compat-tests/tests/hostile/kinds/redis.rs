//! Those that speak Redis's protocol.

use super::{Beside, Kind, Speaks, on_own};
use crate::bytes::redis as bytes;
use crate::crowd::Manner;
use crate::published::KEPT_MIB_MAX;

const fn alone(name: &'static str, counts: (usize, usize), bytes: fn(usize) -> Vec<u8>) -> Kind {
    on_own(name, Speaks::Redis, counts, bytes)
}

const fn endless(name: &'static str, from: fn() -> Vec<u8>) -> Kind {
    Kind {
        manner: Manner::Endless { from },
        ..alone(name, (50, 200), |_| Vec::new())
    }
}

pub const KINDS: &[Kind] = &[
    alone("commands of 1.5 MB, 960 KB of them", (200, 3_000), |_| {
        bytes::half_command()
    }),
    alone("lines without end", (1_000, 8_000), |_| bytes::half_line()),
    alone(
        "a million arguments announced, some came",
        (400, 4_000),
        |_| bytes::half_list(),
    ),
    alone("MULTI without EXEC", (200, 3_000), |_| bytes::queue()),
    alone("MULTI of very many without EXEC", (100, 500), |_| {
        bytes::small_queue()
    }),
    alone("replies of 1 MB that nobody reads", (20, 1_000), |_| {
        bytes::reads(20)
    }),
    Kind {
        manner: Manner::Sip,
        ..alone("replies of 1 MB, a byte a second", (20, 1_000), |_| {
            bytes::reads(20)
        })
    },
    alone("replies of 4 KB that nobody reads", (100, 1_000), |_| {
        bytes::small_reads()
    }),
    alone("swapped values that nobody reads", (20, 100), |_| {
        bytes::swaps()
    }),
    Kind {
        beside: Beside::Messages,
        ..alone("subscribers that never read", (20, 1_000), |_| {
            bytes::subscription()
        })
    },
    alone("subscribers that only publish", (50, 500), |_| {
        bytes::pushed()
    }),
    Kind {
        kept_mib: KEPT_MIB_MAX,
        ..alone("keys watched by the million", (20, 100), |_| {
            bytes::watched_keys()
        })
    },
    Kind {
        kept_mib: KEPT_MIB_MAX,
        ..alone("names of 100 KB", (200, 2_000), |_| bytes::names())
    },
    endless("PING without end", bytes::pings),
    endless("blank lines without end", bytes::blank_lines),
    endless("unknown commands without end", bytes::mistakes),
    endless("HELLO without end", bytes::hellos),
    endless("AUTH without end", bytes::passwords),
    Kind {
        manner: Manner::ComeAndGo,
        ..alone(
            "commands on connections that come and go",
            (50, 200),
            |_| bytes::subscription(),
        )
    },
];
