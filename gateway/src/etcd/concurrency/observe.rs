//! Election's Observe: who leads, and each value the leader proclaims, from now on. One task per
//! stream, which ends with it; a client that reads slowly slows down a cursor, nothing piles up.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use quorate_core::node::Polled;
use quorate_core::types::{KeyRange, Revision};
use quorate_proto::mvccpb::KeyValue;
use quorate_proto::v3electionpb::LeaderResponse;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::local::{self, Local};
use super::request;
use crate::etcd::admission::LeaderGuard;
use crate::etcd::bound::Taken;
use crate::etcd::{convert, error};

pub type ObserveStream =
    Pin<Box<dyn Stream<Item = Result<LeaderResponse, Status>> + Send + 'static>>;

/// Responses that wait for a slow client.
const RESPONSES_WAITING_MAX: usize = 16;

type Responses = mpsc::Sender<Result<LeaderResponse, Status>>;

/// Why observing ended; nobody is told, as in etcd: the stream just ends.
struct Ended;

pub fn stream(local: Local, prefix: Bytes, mut guard: LeaderGuard, turn: Taken) -> ObserveStream {
    let (responses, receiver) = mpsc::channel(RESPONSES_WAITING_MAX);
    tokio::spawn(async move {
        let _turn = turn;
        let observing = observe(&local, &prefix, &responses);
        tokio::select! {
            _ = observing => {}
            () = responses.closed() => {}
            () = guard.lost() => drop(responses.send(Err(error::NO_LEADER.into())).await),
        }
    });
    Box::pin(ReceiverStream::new(receiver))
}

async fn observe(local: &Local, prefix: &Bytes, responses: &Responses) -> Result<(), Ended> {
    loop {
        let mut response = local
            .get(request::oldest(prefix))
            .await
            .map_err(|_| Ended)?;
        let now = request::revision(response.header.as_ref());
        let (kv, revision) = match response.kvs.pop() {
            Some(kv) => (kv, now),
            None => first_put(local, prefix, now).await?,
        };
        let key = kv.key.clone();
        send(local, responses, kv, revision).await?;
        follow(local, &key, revision + 1, responses).await?;
    }
}

/// The first key of the prefix that is put from a revision on, and when.
async fn first_put(
    local: &Local,
    prefix: &Bytes,
    from: Revision,
) -> Result<(KeyValue, Revision), Ended> {
    let range = KeyRange::Span(prefix.clone(), request::prefix_end(prefix));
    let (mut cursor, bell, _) = local.watch(range, from);
    loop {
        let Polled::Events {
            revisions,
            caught_up,
            ..
        } = local::poll(&mut cursor).await
        else {
            return Err(Ended);
        };
        let mut events = revisions.iter().flat_map(|revision| &revision.events);
        if let Some(put) = events.find(|event| !event.is_delete()) {
            return Ok((convert::key_value(&put.kv), put.kv.modified.main));
        }
        bell.rung_if(caught_up && revisions.is_empty()).await;
    }
}

/// Sends each value of the key until it is deleted. Until the cursor has caught up a response is
/// headed by the store's revision, then by its event's, as a watch's are.
async fn follow(
    local: &Local,
    key: &Bytes,
    from: Revision,
    responses: &Responses,
) -> Result<(), Ended> {
    let (mut cursor, bell, now) = local.watch(KeyRange::Key(key.clone()), from);
    let mut is_synced = from > now;
    loop {
        let Polled::Events {
            revisions,
            caught_up,
            ..
        } = local::poll(&mut cursor).await
        else {
            return Err(Ended);
        };
        let now = local.shared.node.revision();
        for event in revisions.iter().flat_map(|revision| &revision.events) {
            if event.is_delete() {
                return Ok(());
            }
            let revision = if is_synced {
                event.kv.modified.main
            } else {
                now
            };
            send(local, responses, convert::key_value(&event.kv), revision).await?;
        }
        is_synced |= caught_up;
        bell.rung_if(caught_up && revisions.is_empty()).await;
    }
}

async fn send(
    local: &Local,
    responses: &Responses,
    kv: KeyValue,
    revision: Revision,
) -> Result<(), Ended> {
    let response = LeaderResponse {
        header: local.shared.header(revision, local.shared.term()),
        kv: Some(kv),
    };
    responses.send(Ok(response)).await.map_err(|_| Ended)
}
