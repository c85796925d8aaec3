//! Plays steps to both servers.

use std::time::Duration;

use bytes::Bytes;
use pb::watch_request::RequestUnion;
use prost::Message;
use quorate_proto::etcdserverpb as pb;
use tokio::time::{Instant, sleep};

use super::compare;
use super::context::{Context, STREAMS};
use super::features;
use super::normal::Ids;
use super::pair::Pair;
use super::session::Session;
use super::side::Side;
use super::steps::{LARGE_PREFIX, Step};
use super::wire::{Call, Reply};
use crate::cross::difference::Difference;
use crate::cross::ledger::Ledger;

/// A lease of the least TTL ends within three seconds or so.
const EXPIRY_LIMIT: Duration = Duration::from_secs(30);
const EXPIRY_PAUSE: Duration = Duration::from_millis(100);

/// What a call comes to under which the server ends, and one to a server that has ended.
const CONNECTION_LOST: &[&str] = &["transport error", "tcp connect error"];

/// A sequence under way.
pub struct Player<'a> {
    pub pair: &'a Pair,
    pub context: Context,
    pub ids: &'a mut Ids,
    pub ledger: &'a mut Ledger,
    pub sessions: Vec<Session>,
    /// What differed so far.
    pub found: Vec<Difference>,
    /// Whether the real server is gone.
    pub has_crashed: bool,
}

impl<'a> Player<'a> {
    /// A sequence that begins with what `context` knows.
    pub fn new(pair: &'a Pair, context: Context, ids: &'a mut Ids, ledger: &'a mut Ledger) -> Self {
        Self {
            pair,
            context,
            ids,
            ledger,
            sessions: Vec::new(),
            found: Vec::new(),
            has_crashed: false,
        }
    }

    /// Opens the watch streams.
    pub async fn open(&mut self) -> Result<(), String> {
        self.call(&everything()).await;
        for stream in 0..STREAMS {
            self.open_stream(stream).await?;
        }
        Ok(())
    }

    /// Plays one step. An error means that the real server did not do what was waited for.
    pub async fn play(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Call(call) => drop(self.call(call).await),
            Step::Calls(calls) => {
                for call in calls {
                    self.call(call).await;
                }
            }
            Step::Compact(call) => {
                self.drain_all().await?;
                self.call(call).await;
            }
            Step::DrawnLease { ttl } => self.drawn_lease(*ttl).await,
            Step::ShortLease { ttl } => self.short_lease(*ttl).await,
            Step::Expire { id, keys } => self.expire(*id, *keys).await?,
            Step::Watch { stream, request } => self.watch(*stream, request).await?,
            Step::LargeEvents {
                stream,
                first,
                second,
            } => self.large_events(*stream, first, second).await?,
            Step::CancelWatch { stream, id } => self.cancel_watch(*stream, *id).await?,
            Step::EmptyWatchRequest { stream } => self.send(*stream, None).await?,
            Step::Progress { stream } => self.drain(*stream).await?,
            Step::Notification { stream, id } => self.notification(*stream, *id).await?,
        }
        Ok(())
    }

    /// Leaves both servers without keys and leases, compacted, and compares their hashes.
    pub async fn close(&mut self) -> Result<(), String> {
        self.drain_all().await?;
        for id in self.context.leases.clone() {
            let request = pb::LeaseRevokeRequest { id };
            self.call(&Call::new("Lease/LeaseRevoke", &request)).await;
        }
        // So that there is something to delete, and the last revision is that of one simple change.
        self.put_own().await;
        let request = pb::DeleteRangeRequest {
            key: Bytes::from_static(b"\0"),
            range_end: Bytes::from_static(b"\0"),
            prev_kv: true,
        };
        self.call(&Call::new("KV/DeleteRange", &request)).await;
        self.drain_all().await?;
        let hash = Call::new("Maintenance/HashKV", &pb::HashKvRequest::default());
        self.call(&hash).await;
        if self.context.revision > self.context.compacted.max(1) {
            let request = pb::CompactionRequest {
                revision: self.context.revision,
                physical: true,
            };
            self.call(&Call::new("KV/Compact", &request)).await;
        }
        self.call(&everything()).await;
        self.context.watchers = Default::default();
        Ok(())
    }

    /// Makes a call on both sides and compares the answers; theirs is returned.
    pub async fn call(&mut self, call: &Call) -> Reply {
        let name = self.context.name(call, self.pair.members);
        self.call_as(&name, call, call).await.0
    }

    /// Different calls to the sides, compared as answers to `method`.
    async fn call_as(&mut self, method: &str, to_them: &Call, to_us: &Call) -> (Reply, Reply) {
        let (theirs, ours) =
            tokio::join!(self.pair.theirs.call(to_them), self.pair.ours.call(to_us));
        self.has_crashed |= CONNECTION_LOST.contains(&theirs.text.as_str());
        features::count(self.ledger, to_them, &theirs);
        self.context.learn(to_them, &theirs);
        let found = compare::replies(self.ids, method, to_them, &theirs, &ours);
        self.found.extend(found);
        (theirs, ours)
    }

    /// Looks whether the real server is still there.
    pub async fn probe(&mut self) {
        self.call(&everything()).await;
    }

    async fn drawn_lease(&mut self, ttl: i64) {
        let grant = Call::new("Lease/LeaseGrant", &pb::LeaseGrantRequest { ttl, id: 0 });
        let (theirs, ours) = self
            .call_as("Lease/LeaseGrant without ID", &grant, &grant)
            .await;
        let revoke = |reply: &Reply| {
            let id = reply
                .messages
                .first()
                .map(|m| super::fault::number(m, "ID"));
            let request = pb::LeaseRevokeRequest {
                id: id.unwrap_or(0),
            };
            Call::new("Lease/LeaseRevoke", &request)
        };
        let (to_them, to_us) = (revoke(&theirs), revoke(&ours));
        self.call_as("Lease/LeaseRevoke", &to_them, &to_us).await;
    }

    async fn short_lease(&mut self, ttl: i64) {
        let id = 8_000;
        self.call(&Call::new(
            "Lease/LeaseGrant",
            &pb::LeaseGrantRequest { ttl, id },
        ))
        .await;
        let request = pb::LeaseRevokeRequest { id };
        self.call(&Call::new("Lease/LeaseRevoke", &request)).await;
    }

    /// Nothing else is asked until the lease has ended on both sides.
    async fn expire(&mut self, id: i64, keys: usize) -> Result<(), String> {
        self.drain_all().await?;
        let grant = pb::LeaseGrantRequest { ttl: 1, id };
        self.call(&Call::new("Lease/LeaseGrant", &grant)).await;
        for number in 0..keys {
            let request = pb::PutRequest {
                key: format!("k/expiring/{}", keys - number).into(),
                lease: id,
                ..Default::default()
            };
            self.call(&Call::new("KV/Put", &request)).await;
        }
        let ask = pb::LeaseTimeToLiveRequest { id, keys: true };
        let ask = Call::new("Lease/LeaseTimeToLive", &ask);
        tokio::try_join!(ended(&self.pair.theirs, &ask), ended(&self.pair.ours, &ask))?;
        self.context.leases.remove(&id);
        self.ledger.count("step", "a lease ended by itself");
        self.call(&ask).await;
        self.call(&everything()).await;
        self.drain_all().await
    }

    async fn large_events(
        &mut self,
        stream: usize,
        first: &Call,
        second: &Call,
    ) -> Result<(), String> {
        let id = 5_000;
        let request = pb::WatchCreateRequest {
            key: LARGE_PREFIX.into(),
            range_end: Bytes::from_static(b"large0"),
            prev_kv: true,
            fragment: true,
            watch_id: id,
            ..Default::default()
        };
        self.watch(stream, &request).await?;
        self.call(first).await;
        self.call(second).await;
        self.cancel_watch(stream, id).await?;
        let request = pb::DeleteRangeRequest {
            key: request.key,
            range_end: request.range_end,
            ..Default::default()
        };
        self.call(&Call::new("KV/DeleteRange", &request)).await;
        Ok(())
    }

    /// Sends a watch request to both sides and counts it.
    pub async fn send(&mut self, stream: usize, union: Option<RequestUnion>) -> Result<(), String> {
        let request = pb::WatchRequest {
            request_union: union,
        };
        let call = Call::new("Watch/Watch", &request);
        features::count(self.ledger, &call, &Reply::of(Vec::new()));
        self.sessions[stream]
            .send(request.encode_to_vec().into())
            .await
    }
}

/// A read of all keys.
fn everything() -> Call {
    let request = pb::RangeRequest {
        key: Bytes::from_static(b"\0"),
        range_end: Bytes::from_static(b"\0"),
        ..Default::default()
    };
    Call::new("KV/Range", &request)
}

/// Waits until the lease that is asked about is no more.
async fn ended(side: &Side, ask: &Call) -> Result<(), String> {
    let deadline = Instant::now() + EXPIRY_LIMIT;
    loop {
        let reply = side.call(ask).await;
        let left = reply
            .messages
            .first()
            .map(|m| super::fault::number(m, "TTL"));
        if left == Some(-1) {
            return Ok(());
        }
        if Instant::now() > deadline {
            let what = "a lease did not end within";
            return Err(format!("{what} {EXPIRY_LIMIT:?}: {left:?} s left"));
        }
        sleep(EXPIRY_PAUSE).await;
    }
}
