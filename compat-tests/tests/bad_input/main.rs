//! Bad input, all of it against one process: each piece gets a clear error in its protocol's form,
//! clients in good order are not held up meanwhile, memory stays within its bound, nothing is lost.

mod bystanders;
mod etcd_words;
mod frames;
mod grpc;
mod hoards;
mod leases;
mod redis_words;
mod scripts;
mod txns;
mod watchers;

use std::time::{Duration, Instant};

use quorate_compat_tests::memory;
use quorate_compat_tests::resp::Resp;
use quorate_compat_tests::server::{Cluster, Kind, Ports};
use quorate_compat_tests::trouble::have;

use bystanders::{Bystanders, Longest, Written, key};
use quorate_proto::etcdserverpb as pb;

/// Above idle, at the worst moment of the whole list.
const MEMORY_KIB_MAX: u64 = 256 * 1024;
/// The longest that a client in good order may wait; the machine may be busy, too.
const WAIT_MAX: Duration = Duration::from_secs(3);
/// Until a connection that is turned away has been told so.
const ACCEPT_TIME: Duration = Duration::from_millis(50);
const READY_LIMIT: Duration = Duration::from_secs(20);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

#[test]
fn redis_says_the_same() {
    if let Some(server) = have(Cluster::start(Kind::Redis, 1)) {
        redis_words::play(server.members()[0].ports().redis);
    }
}

#[test]
fn etcd_says_the_same() {
    if let Some(server) = have(Cluster::start(Kind::Etcd, 1)) {
        runtime().block_on(etcd_words::play(
            server.members()[0].ports().client,
            Kind::Etcd,
        ));
    }
}

#[test]
fn leases_count_towards_the_quota() {
    if let Some(server) = have(Cluster::start_with(Kind::Quorate, 1, &[leases::QUOTA])) {
        runtime().block_on(leases::play(server.members()[0].ports()));
    }
}

type Part = (&'static str, fn(Ports));

const LIST: &[Part] = &[
    ("no RESP, no command", |ports| {
        redis_words::play(ports.redis)
    }),
    ("TLS on the Redis port", |ports| {
        redis_words::tls(ports.redis)
    }),
    ("keys and values too large", |ports| {
        redis_words::too_large(ports.redis)
    }),
    ("RESP frames cut anywhere", |ports| {
        drop(redis_words::cut(ports.redis))
    }),
    ("no gRPC, no RPC", |ports| {
        runtime().block_on(etcd_words::play(ports.client, Kind::Quorate));
    }),
    ("a txn that reads without end", |ports| {
        runtime().block_on(txns::large_answer(ports.client))
    }),
    ("HTTP/2 frames cut anywhere", |ports| {
        drop(frames::cut(ports.client))
    }),
    ("other protocols on etcd's port", |ports| {
        frames::foreign(ports.client)
    }),
    ("rapid reset", |ports| frames::rapid_reset(ports.client)),
    ("headers without end", |ports| {
        frames::endless_headers(ports.client)
    }),
    ("settings and pings", |ports| frames::flood(ports.client)),
    ("thousands of streams", |ports| {
        frames::many_streams(ports.client)
    }),
    ("messages without end", |ports| {
        drop(frames::unfinished_messages(ports.client))
    }),
    ("closed windows", |ports| {
        drop(frames::closed_windows(ports.client))
    }),
    ("watchers that never read", |ports| {
        runtime().block_on(watchers::unread(ports.client))
    }),
    ("lengths that are only announced", |ports| {
        hoards::announced(ports.redis)
    }),
    ("frames without end", |ports| {
        some(hoards::unfinished(ports.redis))
    }),
    ("replies that nobody reads", |ports| {
        some(hoards::unread_replies(ports.redis))
    }),
    ("a reply too large", |ports| {
        hoards::reply_too_large(ports.redis)
    }),
    ("MULTI without end", |ports| {
        hoards::endless_multi(ports.redis)
    }),
    ("small changes of large values", |ports| {
        hoards::small_changes(ports.redis)
    }),
    ("small reads of large values", |ports| {
        hoards::small_reads(ports.redis)
    }),
    ("names without number", |ports| {
        hoards::kept_names(ports.redis)
    }),
    ("messages that nobody reads", |ports| {
        some(hoards::unread_messages(ports.redis))
    }),
    ("greedy scripts", |ports| scripts::greedy(ports.redis)),
    ("endless scripts", |ports| scripts::endless(ports.redis)),
    ("scripts without number", |ports| {
        scripts::many_texts(ports.redis)
    }),
    ("connections without number", too_many_connections),
];

fn some(closed: usize) {
    assert!(
        closed > 0,
        "what they held was within bounds: no hoarder was closed"
    );
}

/// Idle connections of both protocols up to the bound: the next ones are told so.
fn too_many_connections(ports: Ports) {
    const IDLE_MAX: usize = 10_050;
    let mut idle = Vec::new();
    for number in 0..IDLE_MAX {
        let port = if number % 2 == 0 {
            ports.redis
        } else {
            ports.client
        };
        idle.push(std::net::TcpStream::connect(("127.0.0.1", port)).expect("a connection"));
    }
    let refused = "-ERR max number of clients reached|<closed>";
    let (mut next, _more) = turned_away(ports);
    assert_eq!(next.rest(), refused);
    let word = frames::Raw::connect(ports.client).goaway_text();
    assert_eq!(word.as_deref(), Some("too many connections"));
}

/// The first connection that is told anything, and those before it: the kernel may have dropped
/// some of the idle ones, when they came faster than they were taken.
fn turned_away(ports: Ports) -> (Resp, Vec<Resp>) {
    let deadline = Instant::now() + WAIT_MAX;
    let mut more = Vec::new();
    loop {
        let mut next = Resp::connect(ports.redis);
        if next.is_told_something(ACCEPT_TIME) {
            return (next, more);
        }
        assert!(Instant::now() < deadline, "there is room for {WAIT_MAX:?}");
        more.push(next);
    }
}

#[test]
fn the_whole_list() {
    let Some(mut server) = have(Cluster::start(Kind::Quorate, 1)) else {
        return;
    };
    let ports = server.members()[0].ports();
    let pid = server.members()[0].pid().expect("it runs");
    let bystanders = Bystanders::start(ports);
    let idle = memory::resident(pid);
    memory::reset_peak(pid);
    for (name, part) in LIST {
        bystanders.begin(name);
        let begun = Instant::now();
        part(ports);
        let peak = memory::peak(pid).saturating_sub(idle) / 1024;
        let longest = bystanders.longest();
        println!(
            "{name:<32} {:>5.1} s, peak so far +{peak} MiB, now +{} MiB, longest wait {:.2} s",
            begun.elapsed().as_secs_f64(),
            memory::resident(pid).saturating_sub(idle) / 1024,
            longest.took.as_secs_f64(),
        );
    }
    let longest = bystanders.longest();
    let written = bystanders.end();
    let Longest { took, what, during } = longest;
    assert!(took <= WAIT_MAX, "{what} took {took:?} during \"{during}\"");
    let peak = memory::peak(pid).saturating_sub(idle);
    assert!(peak <= MEMORY_KIB_MAX, "{peak} KiB above idle");
    assert_eq!(server.members()[0].pid(), Some(pid), "never restarted");
    metrics_tell(ports);
    all_is_there(ports, written);
    let member = server.member(0);
    member.kill();
    member.start().expect("it starts again");
    member.wait_ready(READY_LIMIT).expect("it is ready again");
    all_is_there(ports, written);
    let log = std::fs::read_to_string(server.members()[0].log()).expect("its log");
    assert!(!log.contains("panicked"), "{log}");
}

/// What was turned away and closed is counted where an operator looks.
fn metrics_tell(ports: Ports) {
    let text = frames::Raw::connect(ports.client).get("/metrics");
    let value = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let line = line.unwrap_or_else(|| panic!("no {name} in {text}"));
        line.trim().parse::<u64>().expect("a number")
    };
    assert!(value("quorate_client_connections_refused_total") > 0);
    assert!(value("quorate_client_connections_closed_for_room_total") > 0);
    assert_eq!(value("quorate_client_connections_limit"), 10_000);
    assert!(value("quorate_client_connections") >= 1);
    assert!(value("quorate_client_kept_refused_total") > 0);
    assert_eq!(value("quorate_client_kept_bytes"), 0);
    assert!(value("quorate_client_buffer_bytes") < value("quorate_client_buffer_limit_bytes"));
}

/// Every key that was acknowledged, over both protocols.
fn all_is_there(ports: Ports, written: Written) {
    let mut redis = Resp::connect(ports.redis);
    for number in 0..written.redis {
        let key = key(number);
        let said = format!("${}|{key}|", key.len());
        assert_eq!(redis.ask(&[b"GET", key.as_bytes()]), said);
    }
    runtime().block_on(async {
        let mut etcd = bystanders::connect(ports.client).await;
        for number in 0..written.etcd {
            let key = key(number);
            let request = pb::RangeRequest {
                key: key.clone().into(),
                ..Default::default()
            };
            let found = etcd.range(request).await.expect("a range").into_inner();
            assert_eq!(found.kvs[0].value, key);
        }
    });
}
