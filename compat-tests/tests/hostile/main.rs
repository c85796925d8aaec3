//! Clients that make a server hold much: half of what they announce, calls that they leave, answers
//! that they never read; and such as never stop asking; each kind by hundreds, by thousands with
//! `QUORATE_TIER=full`. Quorate runs
//! with a bound of its memory that is set from outside. It goes on, what it holds stays within the
//! bound that it publishes, and clients in good order are answered meanwhile.
//!
//! `QUORATE_TIER=full` plays each kind to etcd or Redis as well, and prints the table that is in
//! docs/HOSTILE-CLIENTS.md.

mod bytes;
mod crowd;
mod kinds;
mod polite;
mod published;
mod round;

use std::time::Duration;

use quorate_compat_tests::server::Kind as Server;

use kinds::{Kind, Speaks};
use published::{HELD_MIB_MAX, HTTP_KIB_MAX, PROCESS_MIB_MAX, REDIS_KIB_MAX, STRANGER_KIB_MAX};
use round::{Round, play};

/// Of a hundred waits of a client in good order, ninety-nine are not longer. The short run shares
/// its machine with other tests.
const WAIT_MAX: Duration = Duration::from_millis(100);
const WAIT_SHORT_RUN_MAX: Duration = Duration::from_secs(1);
/// And none is longer.
const LONGEST_MAX: Duration = Duration::from_secs(1);
const LONGEST_SHORT_RUN_MAX: Duration = Duration::from_secs(5);

fn is_full() -> bool {
    std::env::var("QUORATE_TIER").as_deref() == Ok("full")
}

/// Plays one kind to Quorate, and in a full run to the real server, too.
fn kind(name: &str) {
    let kind = kinds::all().find(|kind| kind.name == name);
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
    format!(
        "{}, {} ms",
        round.wait.as_millis(),
        round.longest.as_millis()
    )
}

fn judge(kind: &Kind, count: usize, round: &Round) {
    let connections = (kind.connections)(count) as u64;
    let each = match kind.speaks {
        Speaks::Etcd => HTTP_KIB_MAX,
        Speaks::Redis => REDIS_KIB_MAX,
        Speaks::Peers => STRANGER_KIB_MAX,
    };
    let besides = connections * each + count as u64 * kind.kib_each;
    let grown_max = HELD_MIB_MAX + kind.kept_mib + PROCESS_MIB_MAX + besides / 1024;
    let grown = round.grown_mib();
    assert!(
        grown <= grown_max,
        "{grown} MiB above idle, at most {grown_max}"
    );
    assert!(round.sent > 0, "nothing was said");
    assert_eq!(round.refused, 0, "a client in good order was refused");
    assert!(round.answered > Some(10), "it was answered too seldom");
    let (wait_max, longest_max) = match is_full() {
        true => (WAIT_MAX, LONGEST_MAX),
        false => (WAIT_SHORT_RUN_MAX, LONGEST_SHORT_RUN_MAX),
    };
    assert!(round.wait <= wait_max, "{:?}", round.wait);
    assert!(round.longest <= longest_max, "{:?}", round.longest);
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
            assert!(kinds::all().map(|kind| kind.name).eq(tested));
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
    keep_alives_left: "keep-alive streams left",
    locks_awaited: "calls that wait for a lock",
    long_watches: "watches of keys of 30 KB",
    replies_not_taken: "replies of 1 MB with a closed window",
    watches_not_read: "watches that never read",
    endless_http_pings: "pings of HTTP/2 without end",
    endless_settings: "settings without end",
    endless_windows: "windows without end",
    endless_data: "empty data without end",
    endless_checks: "health checks without end",
    resets: "calls taken back at once",
    continuations: "headers that go on with nothing",
    passing_puts: "puts on connections that come and go",
    half_commands: "commands of 1.5 MB, 960 KB of them",
    half_lines: "lines without end",
    half_lists: "a million arguments announced, some came",
    queues: "MULTI without EXEC",
    long_queues: "MULTI of very many without EXEC",
    replies_not_read: "replies of 1 MB that nobody reads",
    replies_sipped: "replies of 1 MB, a byte a second",
    small_replies_not_read: "replies of 4 KB that nobody reads",
    swaps_not_read: "swapped values that nobody reads",
    subscribers_not_read: "subscribers that never read",
    own_messages_not_read: "subscribers that only publish",
    watched_keys: "keys watched by the million",
    names: "names of 100 KB",
    endless_pings: "PING without end",
    endless_blank_lines: "blank lines without end",
    endless_mistakes: "unknown commands without end",
    endless_hellos: "HELLO without end",
    endless_passwords: "AUTH without end",
    passing_commands: "commands on connections that come and go",
    half_members: "members that never say who they are",
    passing_strangers: "strangers that come and go",
}
