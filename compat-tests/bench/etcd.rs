//! etcd workloads on single keys: puts, gets, txns, keep-alives.

use std::time::Duration;

use bytes::Bytes;
use quorate_proto::etcdserverpb as pb;
use quorate_proto::etcdserverpb::request_op::Request::RequestPut;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};

use crate::drive::Client;
use crate::workload::{KEY_BYTES, KEYS, VALUE_BYTES};

/// Puts in one txn of a fill; etcd's own limit is 128 operations.
const FILL_BATCH: usize = 100;
/// Txns of a fill under way at once.
const FILL_CLIENTS: usize = 8;
/// Seconds; long enough that a lease outlives any run between two keep-alives.
const LEASE_TTL: i64 = 60;

const SETTLE_LIMIT: Duration = Duration::from_secs(10);
const SETTLE_PAUSE: Duration = Duration::from_millis(20);

/// `count` connections, spread over the members at `endpoints`.
pub async fn connect(endpoints: &str, count: usize) -> Result<Vec<Channel>, String> {
    let mut channels = Vec::new();
    for address in endpoints.split(',').cycle().take(count) {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| format!("{address}: {error}"))?
            .tcp_nodelay(true);
        let connected = endpoint.connect().await;
        channels.push(connected.map_err(|error| format!("{address}: {error}"))?);
    }
    settle(channels.first().ok_or("no connection")?.clone()).await?;
    Ok(channels)
}

/// Waits for the first write that is accepted: a member that answers probes may still be about to
/// learn its own membership. Nothing after that may fail.
async fn settle(channel: Channel) -> Result<(), String> {
    let mut kv = pb::kv_client::KvClient::new(channel);
    let deadline = Instant::now() + SETTLE_LIMIT;
    loop {
        match kv.put(put("settled".into(), Bytes::new())).await {
            Ok(_) => return Ok(()),
            Err(status) if Instant::now() >= deadline => {
                let why = failed(status);
                return Err(format!("no write was accepted in {SETTLE_LIMIT:?}: {why}"));
            }
            Err(_) => sleep(SETTLE_PAUSE).await,
        }
    }
}

/// The key with this number.
pub fn key(number: u64) -> Bytes {
    sized_key(KEY_BYTES, number)
}

/// A value: random letters, so that no server gains by compressing it.
pub fn value(seed: u64) -> Bytes {
    sized_value(VALUE_BYTES, seed)
}

fn sized_key(bytes: usize, number: u64) -> Bytes {
    let digits = bytes - "bench/".len();
    format!("bench/{number:0digits$}").into()
}

fn sized_value(bytes: usize, seed: u64) -> Bytes {
    let mut random = SmallRng::seed_from_u64(seed);
    (0..bytes)
        .map(|_| random.random_range(b'a'..=b'z'))
        .collect()
}

/// A put of `key`.
pub fn put(key: Bytes, value: Bytes) -> pb::PutRequest {
    pb::PutRequest {
        key,
        value,
        ..Default::default()
    }
}

/// The text of a failed call, for the run's error.
pub fn failed(status: Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}

/// Keys to be written before a workload.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    pub keys: u64,
    pub key_bytes: usize,
    pub value_bytes: usize,
}

/// Every key that workloads read.
pub const PRELOAD: Fill = Fill {
    keys: KEYS,
    key_bytes: KEY_BYTES,
    value_bytes: VALUE_BYTES,
};

/// Writes every key once, many per txn.
pub async fn fill(channels: &[Channel], what: Fill) -> Result<(), String> {
    let mut tasks = JoinSet::new();
    for client in 0..FILL_CLIENTS {
        let channel = channels[client % channels.len()].clone();
        let firsts = (0..what.keys).step_by(FILL_BATCH);
        let firsts = firsts.skip(client).step_by(FILL_CLIENTS);
        tasks.spawn(fill_batches(channel, what, firsts));
    }
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|error| error.to_string())??;
    }
    Ok(())
}

async fn fill_batches(
    channel: Channel,
    what: Fill,
    firsts: impl Iterator<Item = u64>,
) -> Result<(), String> {
    let mut kv = pb::kv_client::KvClient::new(channel);
    for first in firsts {
        let write = |number| {
            let value = sized_value(what.value_bytes, number);
            RequestPut(put(sized_key(what.key_bytes, number), value)).into()
        };
        let last = what.keys.min(first + FILL_BATCH as u64);
        let txn = pb::TxnRequest {
            success: (first..last).map(write).collect(),
            ..Default::default()
        };
        kv.txn(txn).await.map_err(failed)?;
    }
    Ok(())
}

/// Puts random keys.
pub struct Putter {
    kv: pb::kv_client::KvClient<Channel>,
    random: SmallRng,
    value: Bytes,
}

impl Putter {
    pub fn new(channel: Channel, seed: u64) -> Self {
        Self {
            kv: pb::kv_client::KvClient::new(channel),
            random: SmallRng::seed_from_u64(seed),
            value: value(seed),
        }
    }
}

impl Client for Putter {
    async fn step(&mut self) -> Result<u64, String> {
        let key = key(self.random.random_range(0..KEYS));
        let put = put(key, self.value.clone());
        self.kv.put(put).await.map_err(failed)?;
        Ok(1)
    }
}

/// Gets random keys, which must all exist.
pub struct Getter {
    kv: pb::kv_client::KvClient<Channel>,
    random: SmallRng,
    serializable: bool,
}

impl Getter {
    pub fn new(channel: Channel, seed: u64, serializable: bool) -> Self {
        Self {
            kv: pb::kv_client::KvClient::new(channel),
            random: SmallRng::seed_from_u64(seed),
            serializable,
        }
    }
}

impl Client for Getter {
    async fn step(&mut self) -> Result<u64, String> {
        let range = pb::RangeRequest {
            key: key(self.random.random_range(0..KEYS)),
            serializable: self.serializable,
            ..Default::default()
        };
        let reply = self.kv.range(range).await.map_err(failed)?.into_inner();
        match reply.kvs.as_slice() {
            [pair] if pair.value.len() == VALUE_BYTES => Ok(1),
            _ => Err("a get did not find its key".to_owned()),
        }
    }
}

/// Changes keys of its own, each only if unchanged since its last change.
pub struct Changer {
    kv: pb::kv_client::KvClient<Channel>,
    client: u64,
    clients: u64,
    turn: usize,
    value: Bytes,
    /// The last modification of each of its keys; 0 for a key that does not exist yet.
    revisions: Vec<i64>,
}

impl Changer {
    /// Client number `client` of `clients`, which share the keys among them.
    pub fn new(channel: Channel, client: u64, clients: u64) -> Self {
        Self {
            kv: pb::kv_client::KvClient::new(channel),
            client,
            clients,
            turn: 0,
            value: value(client),
            revisions: vec![0; (KEYS / clients) as usize],
        }
    }
}

impl Client for Changer {
    async fn step(&mut self) -> Result<u64, String> {
        self.turn = (self.turn + 1) % self.revisions.len();
        let key = key(self.turn as u64 * self.clients + self.client);
        let unchanged = pb::Compare {
            result: pb::compare::CompareResult::Equal.into(),
            target: pb::compare::CompareTarget::Mod.into(),
            key: key.clone(),
            target_union: Some(pb::compare::TargetUnion::ModRevision(
                self.revisions[self.turn],
            )),
            ..Default::default()
        };
        let txn = pb::TxnRequest {
            compare: vec![unchanged],
            success: vec![RequestPut(put(key, self.value.clone())).into()],
            failure: Vec::new(),
        };
        let reply = self.kv.txn(txn).await.map_err(failed)?.into_inner();
        if !reply.succeeded {
            return Err("a compare failed on a key that nobody else changes".to_owned());
        }
        self.revisions[self.turn] = reply.header.map_or(0, |header| header.revision);
        Ok(1)
    }
}

/// Keeps a lease of its own alive.
pub struct Keeper {
    lease: i64,
    requests: mpsc::Sender<pb::LeaseKeepAliveRequest>,
    replies: Streaming<pb::LeaseKeepAliveResponse>,
}

impl Keeper {
    pub async fn new(channel: Channel) -> Result<Self, String> {
        let mut leases = pb::lease_client::LeaseClient::new(channel);
        let grant = pb::LeaseGrantRequest {
            ttl: LEASE_TTL,
            id: 0,
        };
        let granted = leases.lease_grant(grant).await.map_err(failed)?;
        let lease = granted.into_inner().id;
        let (requests, stream) = mpsc::channel(1);
        // The first request goes ahead: a server may open the stream with its first reply.
        let first = requests.send(pb::LeaseKeepAliveRequest { id: lease }).await;
        first.map_err(|error| error.to_string())?;
        let stream = leases.lease_keep_alive(ReceiverStream::new(stream)).await;
        let mut replies = stream.map_err(failed)?.into_inner();
        replies.message().await.map_err(failed)?;
        Ok(Self {
            lease,
            requests,
            replies,
        })
    }
}

impl Client for Keeper {
    async fn step(&mut self) -> Result<u64, String> {
        let request = pb::LeaseKeepAliveRequest { id: self.lease };
        let sent = self.requests.send(request).await;
        sent.map_err(|error| error.to_string())?;
        match self.replies.message().await.map_err(failed)? {
            Some(reply) if reply.ttl > 0 => Ok(1),
            other => Err(format!("a keep-alive was answered by {other:?}")),
        }
    }
}
