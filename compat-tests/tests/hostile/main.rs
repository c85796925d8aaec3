//! Clients that make a server hold much: half of what they announce, calls that they leave, answers
//! that they never read; each kind by hundreds, by thousands with `QUORATE_TIER=full`. Quorate runs
//! with a bound of its memory that is set from outside. It goes on, what it holds stays within the
//! bound that it publishes, and clients in good order are answered meanwhile.
//!
//! `QUORATE_TIER=full` plays each kind to etcd or Redis as well, and prints the table that is in
//! docs/HOSTILE-CLIENTS.md.

mod bytes;
mod crowd;
mod kinds;
mod polite;
mod round;

use std::time::Duration;

use quorate_compat_tests::server::Kind as Server;

use kinds::{KINDS, Kind, Speaks};
use round::{Round, play};

/// What Quorate publishes: of all bytes that are held for clients.
const HELD_MIB_MAX: u64 = 48;
/// Of each connection besides, whatever it does.
const CONNECTION_KIB_MAX: u64 = 128;
/// What the process itself may grow by at work: stacks, the store, the allocator's own.
const PROCESS_MIB_MAX: u64 = 64;

/// Of a hundred waits of a client in good order, ninety-nine are not longer. The short run shares
/// its machine with other tests.
const WAIT_MAX: Duration = Duration::from_millis(100);
const WAIT_SHORT_RUN_MAX: Duration = Duration::from_secs(1);

fn is_full() -> bool {
    std::env::var("QUORATE_TIER").as_deref() == Ok("full")
}

/// Plays one kind to Quorate, and in a full run to the real server, too.
fn kind(name: &str) {
    let kind = KINDS.iter().find(|kind| kind.name == name);
    let kind = kind.unwrap_or_else(|| panic!("no kind {name}"));
    let count = if is_full() { kind.full } else { kind.short };
    let Some(ours) = play(Server::Quorate, kind, count) else {
        return;
    };
    let real = match kind.speaks {
        Speaks::Etcd => Some(Server::Etcd),
        Speaks::Redis => Some(Server::Redis),
        Speaks::Peers => None,
    };
    let theirs = real
        .filter(|_| is_full())
        .and_then(|server| play(server, kind, count));
    println!("{}", row(kind, count, &ours, theirs.as_ref()));
    judge(kind, count, &ours);
}

fn row(kind: &Kind, count: usize, ours: &Round, theirs: Option<&Round>) -> String {
    let theirs = theirs.map_or(" | ".to_owned(), |round| {
        format!("{} MiB | {}", round.grown_mib(), wait(round))
    });
    format!(
        "| {} × {count} | {} MiB | {} MiB | {} | {theirs} |",
        kind.name,
        ours.sent >> 20,
        ours.grown_mib(),
        wait(ours),
    )
}

fn wait(round: &Round) -> String {
    format!("{} ms", round.wait.as_millis())
}

fn judge(kind: &Kind, count: usize, round: &Round) {
    let connections = (kind.connections)(count) as u64;
    let besides = connections * CONNECTION_KIB_MAX + count as u64 * kind.kib_each;
    let grown_max = HELD_MIB_MAX + PROCESS_MIB_MAX + besides / 1024;
    let grown = round.grown_mib();
    assert!(
        grown <= grown_max,
        "{grown} MiB above idle, at most {grown_max}"
    );
    assert_eq!(round.refused, 0, "a client in good order was refused");
    let wait_max = if is_full() {
        WAIT_MAX
    } else {
        WAIT_SHORT_RUN_MAX
    };
    assert!(round.wait <= wait_max, "{:?}", round.wait);
}

macro_rules! kinds {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            kind($name);
        })*

        #[test]
        fn each_kind_has_its_test() {
            let tested = [$($name),*];
            assert!(KINDS.iter().map(|kind| kind.name).eq(tested));
        }
    };
}

kinds! {
    half_calls: "calls of which six bytes came",
    half_messages: "messages of 1.5 MB, 960 KB of them",
    half_frames: "frames of 16 KiB, a part of each",
    half_headers: "headers without end",
    half_requests: "HTTP/1.1 heads without end",
    calls_left: "calls opened and left",
    watches_left: "watches opened and left",
    replies_not_taken: "replies of 1 MB with a closed window",
    watches_not_read: "watches that never read",
    half_commands: "commands of 1.5 MB, 960 KB of them",
    half_lines: "lines without end",
    half_lists: "a million arguments announced, some came",
    queues: "MULTI without EXEC",
    replies_not_read: "replies of 1 MB that nobody reads",
    subscribers_not_read: "subscribers that never read",
    half_members: "members that never say who they are",
}
