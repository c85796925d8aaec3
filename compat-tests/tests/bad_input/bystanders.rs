//! Clients in good order that go on all the time: they are never held up, and what they were told
//! is kept. One speaks etcd's protocol, one Redis's; the second frees a lock by a script, as lock
//! libraries do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use quorate_compat_tests::server::Ports;
use quorate_proto::etcdserverpb as pb;
use tonic::transport::Channel;

use quorate_compat_tests::resp::Resp;

/// Of one answer; for a stream, of its beginning.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two rounds.
const PAUSE: Duration = Duration::from_millis(20);

/// Frees a lock that is still held: every lock library's script.
const UNLOCK: &[u8] =
    b"if redis.call('get',KEYS[1]) == ARGV[1] then return redis.call('del',KEYS[1]) end return 0";

/// The longest time one operation took, and what the server was being given then.
#[derive(Clone, Debug, Default)]
pub struct Longest {
    pub took: Duration,
    pub what: String,
    pub during: String,
}

#[derive(Default)]
struct Shared {
    ended: AtomicBool,
    part: Mutex<String>,
    longest: Mutex<Longest>,
}

impl Shared {
    fn note(&self, what: &str, begun: Instant) {
        let took = begun.elapsed();
        let mut longest = self.longest.lock().expect("not poisoned");
        if took > longest.took {
            let during = self.part.lock().expect("not poisoned").clone();
            let what = what.to_owned();
            *longest = Longest { took, what, during };
        }
    }
}

pub struct Bystanders {
    shared: Arc<Shared>,
    etcd: JoinHandle<usize>,
    redis: JoinHandle<usize>,
}

/// How many keys each has written, numbered from 0, acknowledged one by one.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    pub etcd: usize,
    pub redis: usize,
}

impl Bystanders {
    pub fn start(ports: Ports) -> Bystanders {
        let shared = Arc::<Shared>::default();
        let (first, second) = (shared.clone(), shared.clone());
        Bystanders {
            shared,
            etcd: std::thread::spawn(move || etcd(&first, ports.client)),
            redis: std::thread::spawn(move || redis(&second, ports.redis)),
        }
    }

    /// Another part of the list begins.
    pub fn begin(&self, part: &str) {
        *self.shared.part.lock().expect("not poisoned") = part.to_owned();
    }

    /// The longest time so far.
    pub fn longest(&self) -> Longest {
        self.shared.longest.lock().expect("not poisoned").clone()
    }

    /// Ends them; each of their operations has a limit, so they do end.
    pub fn end(self) -> Written {
        self.shared.ended.store(true, Ordering::SeqCst);
        let written = Written {
            etcd: self.etcd.join().expect("etcd's client was served"),
            redis: self.redis.join().expect("Redis's client was served"),
        };
        assert!(written.etcd > 0 && written.redis > 0, "{written:?}");
        written
    }
}

/// Key and value of a number.
pub fn key(number: usize) -> String {
    format!("bystander/{number}")
}

pub async fn channel(port: u16) -> Channel {
    let endpoint = Channel::from_shared(format!("http://127.0.0.1:{port}"));
    let endpoint = endpoint.expect("an address").timeout(LIMIT);
    let channel = endpoint.connect().await;
    channel.expect("connected")
}

pub async fn connect(port: u16) -> pb::kv_client::KvClient<Channel> {
    pb::kv_client::KvClient::new(channel(port).await)
}

fn etcd(shared: &Shared, port: u16) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let mut kv = connect(port).await;
        let mut number = 0;
        while !shared.ended.load(Ordering::SeqCst) {
            let key = bytes::Bytes::from(key(number));
            let begun = Instant::now();
            let put = pb::PutRequest {
                key: key.clone(),
                value: key.clone(),
                ..Default::default()
            };
            kv.put(put).await.expect("a put");
            shared.note("put", begun);
            let begun = Instant::now();
            let range = pb::RangeRequest {
                key: key.clone(),
                ..Default::default()
            };
            let got = kv.range(range).await.expect("a get").into_inner();
            shared.note("range", begun);
            assert_eq!(got.kvs[0].value, key);
            number += 1;
            tokio::time::sleep(PAUSE).await;
        }
        number
    })
}

fn redis(shared: &Shared, port: u16) -> usize {
    let mut client = Resp::connect(port);
    let mut number = 0;
    while !shared.ended.load(Ordering::SeqCst) {
        let key = key(number);
        let mut timed = |what: &str, words: &[&[u8]]| {
            let begun = Instant::now();
            let answer = client.ask(words);
            shared.note(what, begun);
            answer
        };
        let key = key.as_bytes();
        assert_eq!(timed("SET", &[b"SET", key, key]), "+OK|");
        let got = timed("GET", &[b"GET", key]);
        let length = key.len();
        assert_eq!(got, format!("${length}|{}|", String::from_utf8_lossy(key)));
        let lock = timed("SET NX", &[b"SET", b"lock", b"me", b"NX", b"PX", b"30000"]);
        assert_eq!(lock, "+OK|");
        assert_eq!(
            timed("EVAL", &[b"EVAL", UNLOCK, b"1", b"lock", b"me"]),
            ":1|"
        );
        number += 1;
        std::thread::sleep(PAUSE);
    }
    number
}
