//! A client in good order, one of each protocol that the server speaks: it writes small values, and
//! how long it waits is noted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use quorate_compat_tests::resp::Resp;
use quorate_compat_tests::server::{Kind, Ports};
use quorate_proto::etcdserverpb as pb;
use tonic::transport::Channel;

const LIMIT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(5);

/// What became of some writes.
#[derive(Debug, Default)]
pub struct Waits {
    pub took: Vec<Duration>,
    pub refused: usize,
}

pub struct Polite {
    has_ended: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Waits>>,
}

impl Polite {
    pub fn start(server: Kind, ports: Ports) -> Polite {
        let has_ended = Arc::<AtomicBool>::default();
        let mut clients = Vec::new();
        if server.speaks_etcd() {
            let has_ended = has_ended.clone();
            clients.push(std::thread::spawn(move || etcd(ports.client, &has_ended)));
        }
        if server.speaks_redis() {
            let has_ended = has_ended.clone();
            clients.push(std::thread::spawn(move || redis(ports.redis, &has_ended)));
        }
        Polite { has_ended, clients }
    }

    /// What each of them waited.
    pub fn end(self) -> Vec<Waits> {
        self.has_ended.store(true, Ordering::SeqCst);
        let waits = |client: JoinHandle<Waits>| client.join().expect("it was served to its end");
        self.clients.into_iter().map(waits).collect()
    }
}

impl Waits {
    /// Of a hundred waits, ninety-nine are not longer.
    pub fn percentile_99(&self) -> Duration {
        let mut took = self.took.clone();
        took.sort_unstable();
        let place = took.len() * 99 / 100;
        took.get(place).copied().unwrap_or_default()
    }

    /// One wait of seconds is few among waits of milliseconds, and all the same a stall.
    pub fn longest(&self) -> Duration {
        self.took.iter().copied().max().unwrap_or_default()
    }
}

pub async fn connect(port: u16) -> pb::kv_client::KvClient<Channel> {
    let endpoint = Channel::from_shared(format!("http://127.0.0.1:{port}"));
    let endpoint = endpoint.expect("an address").timeout(LIMIT);
    pb::kv_client::KvClient::new(endpoint.connect().await.expect("connected"))
}

pub fn put(key: &'static str, value: Vec<u8>) -> pb::PutRequest {
    pb::PutRequest {
        key: key.into(),
        value: value.into(),
        ..Default::default()
    }
}

pub fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

fn etcd(port: u16, has_ended: &AtomicBool) -> Waits {
    let mut waits = Waits::default();
    runtime().block_on(async {
        let mut kv = connect(port).await;
        while !has_ended.load(Ordering::SeqCst) {
            let begun = Instant::now();
            let said = kv.put(put("polite", b"value".to_vec())).await;
            waits.refused += usize::from(said.is_err());
            waits.took.push(begun.elapsed());
            tokio::time::sleep(PAUSE).await;
        }
    });
    waits
}

fn redis(port: u16, has_ended: &AtomicBool) -> Waits {
    let mut waits = Waits::default();
    let mut client = Resp::connect(port);
    while !has_ended.load(Ordering::SeqCst) {
        let begun = Instant::now();
        let said = client.ask(&[b"SET", b"polite", b"value"]);
        waits.refused += usize::from(said != "+OK|");
        waits.took.push(begun.elapsed());
        std::thread::sleep(PAUSE);
    }
    waits
}
