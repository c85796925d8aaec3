//! Watch steps. Before a watcher is cancelled or the past is cut off, both sides have told all
//! events, so that what they say does not depend on who was faster.

use pb::watch_request::RequestUnion;
use prost::Message;
use prost_reflect::DynamicMessage;
use quorate_proto::etcdserverpb as pb;

use super::compare::Comparison;
use super::context::{STREAMS, Watcher, header_revision};
use super::features;
use super::play::Player;
use super::session::{Half, Session};
use super::watch::{self, digest, watch_id};
use super::wire::Call;
use crate::cross::difference::ABSENT;

/// The key of watchers and puts that serve the cross-check itself.
const OWN_KEY: &str = "~own";

impl Player<'_> {
    /// Opens a stream on both sides, with a first watcher that stays: a stream without a watcher
    /// answers no request for progress.
    pub(super) async fn open_stream(&mut self, stream: usize) -> Result<(), String> {
        let request = pb::WatchCreateRequest {
            key: OWN_KEY.into(),
            ..Default::default()
        };
        let first = pb::WatchRequest {
            request_union: Some(RequestUnion::CreateRequest(request)),
        };
        let first = first.encode_to_vec();
        let theirs = self.pair.theirs.watch(first.clone().into()).await?;
        let ours = self.pair.ours.watch(first.into()).await?;
        self.sessions.push(Session {
            theirs: Half::new(theirs),
            ours: Half::new(ours),
        });
        self.drain(stream).await
    }

    pub(super) async fn watch(
        &mut self,
        stream: usize,
        request: &pb::WatchCreateRequest,
    ) -> Result<(), String> {
        self.drain(stream).await?;
        let union = RequestUnion::CreateRequest(request.clone());
        self.send(stream, Some(union)).await?;
        let is_created = |response: &DynamicMessage| response.has_field_by_name("created");
        let (theirs, ours) = self.sessions[stream].until(is_created).await?;
        self.require(stream, "created", ours.is_some());
        if theirs.has_field_by_name("canceled") {
            return Ok(());
        }
        let id = watch_id(&theirs);
        let start = request.start_revision;
        if start > 0 && start < self.context.compacted {
            return self.overtaken(stream, id).await;
        }
        let watcher = Watcher {
            start,
            wants_progress: request.progress_notify,
        };
        self.context.watchers[stream].insert(id, watcher);
        Ok(())
    }

    /// A watcher from before what is left is cancelled by the server, and keeps its id until it
    /// is cancelled by the client.
    async fn overtaken(&mut self, stream: usize, id: i64) -> Result<(), String> {
        for step in ["overtaken", "cancelled"] {
            if step == "cancelled" {
                self.send_cancel(stream, id).await?;
            }
            let is_cancel = |response: &DynamicMessage| {
                watch_id(response) == id && response.has_field_by_name("canceled")
            };
            let (_, ours) = self.sessions[stream].until(is_cancel).await?;
            self.require(stream, step, ours.is_some());
        }
        self.drain(stream).await
    }

    pub(super) async fn cancel_watch(&mut self, stream: usize, id: i64) -> Result<(), String> {
        self.drain(stream).await?;
        self.send_cancel(stream, id).await?;
        // A cancel of what does not exist is not answered.
        if self.context.watchers[stream].remove(&id).is_some() {
            let is_cancel = |response: &DynamicMessage| {
                watch_id(response) == id && response.has_field_by_name("canceled")
            };
            let (_, ours) = self.sessions[stream].until(is_cancel).await?;
            self.require(stream, "canceled", ours.is_some());
        }
        self.drain(stream).await
    }

    async fn send_cancel(&mut self, stream: usize, id: i64) -> Result<(), String> {
        let request = pb::WatchCancelRequest { watch_id: id };
        self.send(stream, Some(RequestUnion::CancelRequest(request)))
            .await
    }

    /// Waits for a progress notification at the newest revision.
    pub(super) async fn notification(&mut self, stream: usize, id: i64) -> Result<(), String> {
        self.drain(stream).await?;
        let now = self.context.revision;
        let is_it = |response: &DynamicMessage| {
            watch_id(response) == id
                && watch::is_progress(response)
                && header_revision(response) == now
        };
        let (theirs, ours) = self.sessions[stream].until(is_it).await?;
        self.require(stream, "notification", ours.is_some());
        self.ledger.count("step", "a progress notification");
        if let Some(ours) = ours {
            self.compare_responses(stream, "notification ", &theirs, &ours);
        }
        Ok(())
    }

    pub(super) async fn drain_all(&mut self) -> Result<(), String> {
        for stream in 0..STREAMS {
            self.drain(stream).await?;
        }
        Ok(())
    }

    /// Receives all events up to now, and compares what came since the last time.
    pub(super) async fn drain(&mut self, stream: usize) -> Result<(), String> {
        // A watcher that has not begun keeps the stream from answering.
        while self.context.revision < self.context.latest_start(stream) {
            self.put_own().await;
        }
        let now = self.context.revision;
        let (theirs, ours) = self.sessions[stream].progress(now).await?;
        self.ledger.count("step", "a progress answer");
        self.require(stream, "progress", ours.is_some());
        if let Some(ours) = ours {
            self.compare_responses(stream, "progress ", &theirs, &ours);
        }
        let session = &mut self.sessions[stream];
        let (theirs, ours) = (session.theirs.take(), session.ours.take());
        for response in &theirs {
            features::count_fields(self.ledger, "reply", response);
        }
        let request = format!("stream {stream} up to revision {now}");
        let mut comparison = Comparison::new(self.ids, "Watch/Watch", request);
        watch::compare(&mut comparison, &digest(theirs, now), &digest(ours, now));
        self.found.extend(comparison.finish());
        Ok(())
    }

    /// A put that is of no interest by itself.
    pub(super) async fn put_own(&mut self) {
        let request = pb::PutRequest {
            key: OWN_KEY.into(),
            ..Default::default()
        };
        self.call(&Call::new("KV/Put", &request)).await;
    }

    fn compare_responses(
        &mut self,
        stream: usize,
        label: &str,
        theirs: &DynamicMessage,
        ours: &DynamicMessage,
    ) {
        let request = format!("stream {stream}");
        let mut comparison = Comparison::new(self.ids, "Watch/Watch", request);
        comparison.messages(label, theirs, ours);
        self.found.extend(comparison.finish());
    }

    /// Tells that ours did not send what theirs did.
    fn require(&mut self, stream: usize, what: &str, came: bool) {
        if !came {
            let request = format!("stream {stream}");
            let mut comparison = Comparison::new(self.ids, "Watch/Watch", request);
            comparison.tell(what, "came", ABSENT);
            self.found.extend(comparison.finish());
        }
    }
}
