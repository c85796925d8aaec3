//! One watch stream: its watchers by id, the client's requests, and the order of responses.
//!
//! One task does everything, so that a watcher's created response is before its events, and a
//! progress notice behind all events up to its revision: for a notice every watcher is polled
//! first, and the notice carries the least revision that all of them have seen.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use quorate_core::node::{Polled, Wake};
use quorate_core::types::{KeyRange, Revision};
use quorate_proto::etcdserverpb as pb;
use rand::Rng;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, Interval, MissedTickBehavior, interval_at};
use tonic::{Status, Streaming};

use super::fragment;
use super::waker::Marks;
use super::watcher::{Active, Batch, Wanted};
use crate::etcd::admission::LeaderGuard;
use crate::etcd::shared::Shared;
use crate::etcd::{convert, error};
use crate::listen::{KEPT_BYTES_EACH_MAX, Kept};

/// The id of responses that belong to no watcher.
const NO_ID: i64 = -1;

/// What one poll of a cursor may bring.
const POLL_REVISIONS_MAX: usize = 1_000;
const POLL_BYTES_MAX: usize = 1024 * 1024;

/// Watchers of one stream, and on this member. etcd has no bound. A watcher takes some 250 bytes
/// besides the names of its keys, which are counted with what is kept for clients.
const WATCHERS_MAX: usize = 100_000;
const WATCHERS_ALL_MAX: usize = 1_000_000;

/// A response above this is queued alone.
const LARGE_BYTES: usize = 64 * 1024;

/// Polls of one watcher in its turn.
const POLL_ROUNDS_MAX: usize = 3;

/// A watcher by its id. One that the server ended keeps its id until it is cancelled.
enum Slot {
    Active(Box<Active>),
    Ended,
}

/// What one poll of a cursor came to.
enum Round {
    /// There is no such watcher, or no more.
    Ended,
    /// Nothing new; it will be woken. It has seen everything up to there.
    Idle(Revision),
    /// Something new, or passed over; everything up to there, if it has caught up.
    Moved(Option<Revision>),
}

/// The client is gone.
struct Gone;

type Sent<T = ()> = Result<T, Gone>;

pub struct WatchStream {
    shared: Shared,
    responses: mpsc::Sender<Result<pb::WatchResponse, Status>>,
    marks: Arc<Marks>,
    slots: BTreeMap<i64, Slot>,
    next_id: i64,
    /// The names that its watchers watch.
    kept: Kept,
}

impl WatchStream {
    pub fn new(
        shared: Shared,
        responses: mpsc::Sender<Result<pb::WatchResponse, Status>>,
    ) -> WatchStream {
        WatchStream {
            kept: Kept::new(shared.load.clone()),
            shared,
            responses,
            marks: Arc::default(),
            slots: BTreeMap::new(),
            next_id: 0,
        }
    }

    /// Serves until the client goes away, errs, or loses a leader that it wanted.
    pub async fn run(
        mut self,
        mut requests: Streaming<pb::WatchRequest>,
        mut leader: LeaderGuard,
    ) -> Result<(), Status> {
        let mut ticks = progress_ticks(self.shared.options.progress_interval);
        let (marks, responses) = (self.marks.clone(), self.responses.clone());
        // A client that has closed its half still reads.
        let mut is_open = true;
        loop {
            let served = tokio::select! {
                () = responses.closed() => return Ok(()),
                () = leader.lost() => return Err(error::NO_LEADER.into()),
                request = requests.message(), if is_open => match request? {
                    Some(request) => self.serve(request).await,
                    None => {
                        is_open = false;
                        Ok(())
                    }
                },
                marked = marks.take() => self.poll_marked(marked).await,
                _ = ticks.tick() => self.notify_progress().await,
            };
            if served.is_err() {
                return Ok(());
            }
        }
    }

    async fn serve(&mut self, request: pb::WatchRequest) -> Sent {
        use pb::watch_request::RequestUnion;
        match request.request_union {
            Some(RequestUnion::CreateRequest(request)) => self.create(request).await,
            Some(RequestUnion::CancelRequest(request)) => self.cancel(request.watch_id).await,
            Some(RequestUnion::ProgressRequest(_)) => self.answer_progress().await,
            // etcd ignores what it doesn't know.
            None => Ok(()),
        }
    }

    async fn create(&mut self, request: pb::WatchCreateRequest) -> Sent {
        let (id, range) = match self.admit(&request) {
            Ok(admitted) => admitted,
            Err(reason) => return self.refuse(reason).await,
        };
        let wanted = Wanted::of(&request);
        let wake = self.marks.clone();
        let (cursor, now) = self.shared.node.watch(range, wanted.start, wake, token(id));
        let is_synced = wanted.start == 0 || wanted.start > now;
        let active = Active {
            cursor,
            wanted,
            name_bytes: name_bytes(&request),
            is_synced,
            is_idle: true,
        };
        self.slots.insert(id, Slot::Active(Box::new(active)));
        self.send(self.response(id, now, |response| response.created = true))
            .await?;
        self.poll(id).await.map(drop)
    }

    /// The id and range of a new watcher, or why there is none.
    fn admit(&mut self, request: &pb::WatchCreateRequest) -> Result<(i64, KeyRange), String> {
        if self.slots.len() >= WATCHERS_MAX {
            return Err(self.too_many("watchers on one stream", WATCHERS_MAX));
        }
        if self.shared.node.watchers() >= WATCHERS_ALL_MAX {
            return Err(self.too_many("watchers on this member", WATCHERS_ALL_MAX));
        }
        if request.start_revision < 0 {
            return Err(error::COMPACTED.message.to_string());
        }
        let key = match request.key.is_empty() {
            true => Bytes::from_static(b"\0"),
            false => request.key.clone(),
        };
        let range = convert::key_range(&key, &request.range_end);
        if matches!(&range, KeyRange::Span(start, end) if start >= end) {
            return Err(error::WATCHER_RANGE_EMPTY.to_string());
        }
        if request.watch_id != 0 && self.slots.contains_key(&request.watch_id) {
            return Err(error::WATCHER_DUPLICATE_ID.to_string());
        }
        if !self.kept.try_set(self.kept.bytes() + name_bytes(request)) {
            return Err(self.too_many("bytes of watched keys", KEPT_BYTES_EACH_MAX));
        }
        Ok(match request.watch_id {
            0 => (self.free_id(), range),
            id => (id, range),
        })
    }

    fn too_many(&self, what: &str, max: usize) -> String {
        self.shared.metrics.watchers_refused.inc();
        error::too_many(what, max).message().to_string()
    }

    /// What was in the slot of a watcher that is gone.
    fn forget(&mut self, slot: Option<Slot>) {
        if let Some(Slot::Active(active)) = slot {
            // Less always goes.
            self.kept.try_set(self.kept.bytes() - active.name_bytes);
        }
    }

    fn free_id(&mut self) -> i64 {
        while self.slots.contains_key(&self.next_id) {
            self.next_id += 1;
        }
        self.next_id += 1;
        self.next_id - 1
    }

    /// A watcher that can't be is created and cancelled at once, never a gRPC error.
    async fn refuse(&mut self, reason: String) -> Sent {
        let revision = self.shared.node.revision();
        let response = self.response(NO_ID, revision, |response| {
            response.created = true;
            response.canceled = true;
            response.cancel_reason = reason;
        });
        self.send(response).await
    }

    async fn cancel(&mut self, id: i64) -> Sent {
        let slot = self.slots.remove(&id);
        if slot.is_none() {
            return Ok(());
        }
        self.forget(slot);
        let revision = self.shared.node.revision();
        let response = self.response(id, revision, |response| response.canceled = true);
        self.send(response).await
    }

    async fn poll_marked(&mut self, marked: impl IntoIterator<Item = u64>) -> Sent {
        for token in marked {
            self.poll(id(token)).await?;
        }
        Ok(())
    }

    /// Sends what the watcher has to say, in a few rounds so that the others have their turn too.
    /// Returns the revision up to which it has seen everything, None if it lags. The node wakes a
    /// watcher only after a round that brought nothing, so it stays marked until then.
    async fn poll(&mut self, id: i64) -> Sent<Option<Revision>> {
        let mut seen = None;
        for _ in 0..POLL_ROUNDS_MAX {
            match self.poll_once(id).await? {
                Round::Ended => return Ok(None),
                Round::Idle(through) => return Ok(Some(through)),
                Round::Moved(through) => seen = through,
            }
        }
        self.marks.wake(token(id));
        Ok(seen)
    }

    async fn poll_once(&mut self, id: i64) -> Sent<Round> {
        let Some(Slot::Active(active)) = self.slots.get_mut(&id) else {
            return Ok(Round::Ended);
        };
        let before = active.cursor.next_revision();
        let polled = active.cursor.poll(POLL_REVISIONS_MAX, POLL_BYTES_MAX).await;
        let (revisions, through, caught_up) = match polled {
            Polled::Compacted(revision) => return self.overtaken(id, revision).await,
            Polled::Failed => return self.failed(id).await,
            Polled::Events {
                revisions,
                through,
                caught_up,
            } => (revisions, through, caught_up),
        };
        let has_moved = !revisions.is_empty() || active.cursor.next_revision() != before;
        let node = &self.shared.node;
        let (now, compact) = node.read(|state| (state.revision(), state.compact_revision()));
        let batches = active.batches(&revisions, now, compact);
        let is_fragmented = active.wanted.fragment;
        active.is_synced |= caught_up;
        active.is_idle &= batches.is_empty();
        for batch in batches {
            self.send_batch(id, batch, is_fragmented).await?;
        }
        Ok(match (has_moved, caught_up) {
            (false, true) => Round::Idle(through),
            (_, true) => Round::Moved(Some(through)),
            (_, false) => Round::Moved(None),
        })
    }

    async fn send_batch(&self, id: i64, batch: Batch, is_fragmented: bool) -> Sent {
        let response = self.response(id, batch.revision, |response| {
            response.events = batch.events
        });
        if response.encoded_len() > LARGE_BYTES {
            // None waits behind a large one, so that a client that does not read costs little.
            let waiting = self.responses.max_capacity();
            let all = self.responses.reserve_many(waiting).await;
            drop(all.map_err(|_| Gone)?);
        }
        if !is_fragmented {
            return self.send(response).await;
        }
        for piece in fragment::split(response, self.shared.options.message_bytes_max()) {
            self.send(piece).await?;
        }
        Ok(())
    }

    /// This member can't say what comes next; another may.
    async fn failed(&mut self, id: i64) -> Sent<Round> {
        let slot = self.slots.insert(id, Slot::Ended);
        self.forget(slot);
        let revision = self.shared.node.revision();
        let response = self.response(id, revision, |response| {
            response.canceled = true;
            response.cancel_reason = error::WATCHER_FAILED.to_string();
        });
        self.send(response).await.map(|()| Round::Ended)
    }

    /// etcd gives no revision and no reason here.
    async fn overtaken(&mut self, id: i64, compact: Revision) -> Sent<Round> {
        let slot = self.slots.insert(id, Slot::Ended);
        self.forget(slot);
        let response = self.response(id, 0, |response| {
            response.canceled = true;
            response.compact_revision = compact;
        });
        self.send(response).await.map(|()| Round::Ended)
    }

    /// Answers only when every watcher has seen everything; else the client asks again.
    async fn answer_progress(&mut self) -> Sent {
        let ids: Vec<i64> = self.slots.keys().copied().collect();
        let mut seen: Option<Revision> = None;
        for id in ids {
            let Some(through) = self.poll(id).await? else {
                return Ok(());
            };
            if through < self.start_of(id) {
                return Ok(());
            }
            seen = Some(seen.map_or(through, |seen| seen.min(through)));
        }
        match seen {
            Some(revision) => self.send(self.response(NO_ID, revision, |_| {})).await,
            None => Ok(()),
        }
    }

    /// A tick: tells the watchers that asked for it, and had nothing to say since the last tick,
    /// how far they are.
    async fn notify_progress(&mut self) -> Sent {
        let asking = |(id, slot): (&i64, &Slot)| match slot {
            Slot::Active(active) if active.wanted.progress_notify => Some(*id),
            _ => None,
        };
        let ids: Vec<i64> = self.slots.iter().filter_map(asking).collect();
        for id in ids {
            let through = self.poll(id).await?;
            let Some(Slot::Active(active)) = self.slots.get_mut(&id) else {
                continue;
            };
            let was_idle = std::mem::replace(&mut active.is_idle, true);
            let start = active.wanted.start;
            if let Some(through) = through.filter(|through| was_idle && *through >= start) {
                self.send(self.response(id, through, |_| {})).await?;
            }
        }
        Ok(())
    }

    fn start_of(&self, id: i64) -> Revision {
        match self.slots.get(&id) {
            Some(Slot::Active(active)) => active.wanted.start,
            _ => 0,
        }
    }

    fn response(
        &self,
        watch_id: i64,
        revision: Revision,
        fill: impl FnOnce(&mut pb::WatchResponse),
    ) -> pb::WatchResponse {
        let mut response = pb::WatchResponse {
            header: self.shared.header(revision, self.shared.term()),
            watch_id,
            ..Default::default()
        };
        fill(&mut response);
        response
    }

    async fn send(&self, response: pb::WatchResponse) -> Sent {
        self.responses.send(Ok(response)).await.map_err(|_| Gone)
    }
}

fn name_bytes(request: &pb::WatchCreateRequest) -> usize {
    request.key.len() + request.range_end.len()
}

/// A watcher's id as the node's token, and back.
fn token(id: i64) -> u64 {
    u64::from_ne_bytes(id.to_ne_bytes())
}

fn id(token: u64) -> i64 {
    i64::from_ne_bytes(token.to_ne_bytes())
}

/// Ticks of progress, up to a tenth longer than asked so that streams made together part.
fn progress_ticks(interval: Duration) -> Interval {
    let jitter = rand::rng().random_range(0.0..0.1);
    let period = interval.mul_f64(1.0 + jitter);
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
