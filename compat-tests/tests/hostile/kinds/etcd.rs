//! Those that speak etcd's protocol.

use super::{Beside, Kind, Speaks, on_own};
use crate::bytes::etcd as bytes;
use crate::crowd::Manner;
use crate::published::{KEPT_MIB_MAX, WATCH_KIB_MAX};

const fn alone(name: &'static str, counts: (usize, usize), bytes: fn(usize) -> Vec<u8>) -> Kind {
    on_own(name, Speaks::Etcd, counts, bytes)
}

const fn on_four(name: &'static str, counts: (usize, usize), bytes: fn(usize) -> Vec<u8>) -> Kind {
    Kind {
        connections: |_| 4,
        ..alone(name, counts, bytes)
    }
}

/// What each of them opens is kept.
const fn kept_on_four(
    name: &'static str,
    counts: (usize, usize),
    bytes: fn(usize) -> Vec<u8>,
) -> Kind {
    Kind {
        kib_each: WATCH_KIB_MAX,
        ..on_four(name, counts, bytes)
    }
}

const fn endless(name: &'static str, begin: fn(usize) -> Vec<u8>, from: fn() -> Vec<u8>) -> Kind {
    Kind {
        manner: Manner::Endless { from },
        ..alone(name, (50, 200), begin)
    }
}

pub const KINDS: &[Kind] = &[
    on_four("calls of which six bytes came", (1_000, 8_000), |count| {
        bytes::half_calls(count / 4)
    }),
    alone("messages of 1.5 MB, 960 KB of them", (200, 3_000), |_| {
        bytes::half_message()
    }),
    alone("frames of 16 KiB, a part of each", (400, 4_000), |_| {
        bytes::half_frame()
    }),
    alone("headers without end", (400, 4_000), |_| {
        bytes::half_headers()
    }),
    alone("HTTP/1.1 heads without end", (400, 4_000), |_| {
        bytes::half_request()
    }),
    on_four("calls opened and left", (1_000, 8_000), |count| {
        bytes::calls_left(count / 4)
    }),
    kept_on_four("watches opened and left", (1_000, 8_000), |count| {
        bytes::watches(count / 4)
    }),
    kept_on_four("keep-alive streams left", (1_000, 8_000), |count| {
        bytes::keep_alives(count / 4)
    }),
    kept_on_four("calls that wait for a lock", (400, 4_000), |count| {
        bytes::locks(count / 4)
    }),
    Kind {
        connections: |count| count / 10,
        kib_each: WATCH_KIB_MAX,
        kept_mib: KEPT_MIB_MAX,
        ..alone("watches of keys of 30 KB", (1_000, 8_000), |_| {
            bytes::long_watches(10)
        })
    },
    Kind {
        connections: |count| count / 20,
        ..alone("replies of 1 MB with a closed window", (400, 4_000), |_| {
            bytes::closed_windows(20)
        })
    },
    Kind {
        beside: Beside::Writes,
        kib_each: 2 * WATCH_KIB_MAX,
        ..alone("watches that never read", (100, 1_000), |_| {
            bytes::watches(2)
        })
    },
    endless(
        "pings of HTTP/2 without end",
        |_| bytes::begun(),
        bytes::pings,
    ),
    endless("settings without end", |_| bytes::begun(), bytes::settings),
    endless(
        "windows without end",
        |_| bytes::begun(),
        bytes::window_updates,
    ),
    endless(
        "empty data without end",
        |_| bytes::begun(),
        bytes::empty_data,
    ),
    endless(
        "health checks without end",
        |_| bytes::health_checks(),
        bytes::health_checks,
    ),
    Kind {
        manner: Manner::ComeAndGo,
        ..alone("calls taken back at once", (20, 100), |_| bytes::resets())
    },
    Kind {
        manner: Manner::ComeAndGo,
        ..alone("headers that go on with nothing", (20, 100), |_| {
            bytes::continuations()
        })
    },
    Kind {
        manner: Manner::ComeAndGo,
        ..alone("puts on connections that come and go", (50, 200), |_| {
            bytes::put()
        })
    },
];
