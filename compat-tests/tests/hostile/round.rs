//! One kind against one server.

use std::time::{Duration, Instant};

use quorate_compat_tests::memory;
use quorate_compat_tests::resp::Resp;
use quorate_compat_tests::server::{Cluster, Kind as Server, Ports};
use quorate_compat_tests::trouble::have;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::crowd::Crowd;
use crate::kinds::{Beside, Kind, Speaks};
use crate::polite::{self, Polite, Waits};

/// What Quorate may take of address space beyond what it has when it is idle: it ends if it wants
/// more. Far above what it may hold, since address space is not memory.
const SPACE_MIB_MAX: u64 = 1_024;

/// How long they go on, and what is seen afterwards.
const TIME: Duration = Duration::from_secs(2);
const TIME_FULL: Duration = Duration::from_secs(8);
const AFTER: Duration = Duration::from_secs(1);

/// What came of it.
pub struct Round {
    pub sent: u64,
    idle_kib: u64,
    peak_kib: u64,
    /// Of a hundred waits of a client in good order, ninety-nine are not longer; the longest. Of
    /// two clients, that of the one that waited longer.
    pub wait: Duration,
    pub longest: Duration,
    /// How often such a client was refused.
    pub refused: usize,
    /// Answers of the one that got fewest.
    pub answered: Option<usize>,
}

impl Round {
    /// The most memory it took, above what it had idle.
    pub fn grown_mib(&self) -> u64 {
        self.peak_kib.saturating_sub(self.idle_kib) / 1024
    }
}

/// None if there is no such server.
pub fn play(server: Server, kind: &Kind, count: usize) -> Option<Round> {
    let cluster = have(Cluster::start(server, 1))?;
    let (ports, pid) = (cluster.members()[0].ports(), cluster.members()[0].pid());
    let pid = pid.expect("it runs");
    write_values(server, ports);
    if server == Server::Quorate {
        bound(pid);
    }
    let idle_kib = memory::resident(pid);
    memory::reset_peak(pid);
    let polite = Polite::start(server, ports);
    let connections = (kind.connections)(count);
    let port = kind.speaks.port(ports);
    let mut crowd = Crowd::connect(port, connections, kind.manner, || (kind.bytes)(count));
    let time = if crate::is_full() { TIME_FULL } else { TIME };
    let begun = Instant::now();
    match kind.beside {
        Beside::Nothing => crowd.push_for(time),
        beside => {
            crowd.push_for(time / 4);
            go_on(beside, server, ports, time);
        }
    }
    // It may be worst when they have said all that they had to.
    std::thread::sleep(time.saturating_sub(begun.elapsed()) + AFTER);
    let sent = crowd.sent();
    let waits = polite.end();
    assert_eq!(cluster.members()[0].pid(), Some(pid), "never restarted");
    let round = Round {
        sent,
        idle_kib,
        peak_kib: memory::peak(pid),
        wait: most(&waits, Waits::percentile_99),
        longest: most(&waits, Waits::longest),
        refused: waits.iter().map(|waits| waits.refused).sum(),
        answered: waits.iter().map(|waits| waits.took.len()).min(),
    };
    drop(crowd);
    Some(round)
}

fn most(waits: &[Waits], of: fn(&Waits) -> Duration) -> Duration {
    waits.iter().map(of).max().unwrap_or_default()
}

/// Bounds the address space of the process from outside.
fn bound(pid: u32) {
    let bytes = (memory::space(pid) << 10) + (SPACE_MIB_MAX << 20);
    let limit = Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process");
    prlimit(Some(pid), Resource::As, limit).expect("a process of ours");
}

/// The keys that some of them read.
fn write_values(server: Server, ports: Ports) {
    let large = vec![b'x'; 1_000_000];
    if server.speaks_redis() {
        let mut client = Resp::connect(ports.redis);
        for (key, value) in [(&b"large"[..], &large[..]), (b"small", &large[..4_000])] {
            assert_eq!(client.ask(&[b"SET", key, value]), "+OK|");
        }
    }
    if server.speaks_etcd() {
        polite::runtime().block_on(async {
            let mut kv = polite::connect(ports.client).await;
            kv.put(polite::put("large", large)).await.expect("a put");
        });
    }
}

/// Makes what the crowd waits for happen, for so long.
fn go_on(beside: Beside, server: Server, ports: Ports, time: Duration) {
    const BYTES: usize = 100_000;
    const PAUSE: Duration = Duration::from_millis(5);
    let begun = Instant::now();
    if beside == Beside::Messages {
        let mut client = Resp::connect(Speaks::Redis.port(ports));
        while begun.elapsed() < time {
            client.ask(&[b"PUBLISH", b"news", &[b'x'; BYTES]]);
            std::thread::sleep(PAUSE);
        }
        return;
    }
    assert!(server.speaks_etcd());
    polite::runtime().block_on(async {
        let mut kv = polite::connect(ports.client).await;
        while begun.elapsed() < time {
            let put = kv.put(polite::put("key", vec![b'x'; BYTES]));
            // Where there is no room for so much now it is refused.
            drop(put.await);
            tokio::time::sleep(PAUSE).await;
        }
    });
}
