//! Watch fan-out: one writer, many watchers of its key, each a stream of its own.

use bytes::Bytes;
use quorate_proto::etcdserverpb as pb;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::drive::Client;
use crate::etcd::{failed, key, put, value};

/// Puts its key and waits until every watcher has the event.
pub struct FanOut {
    kv: pb::kv_client::KvClient<Channel>,
    key: Bytes,
    value: Bytes,
    watchers: Vec<Watcher>,
}

struct Watcher {
    responses: Streaming<pb::WatchResponse>,
    // A stream whose request side is closed is cancelled.
    _requests: mpsc::Sender<pb::WatchRequest>,
}

impl FanOut {
    /// Writer number `client`; its watchers take turns on `channels`.
    pub async fn new(channels: &[Channel], client: usize, watchers: usize) -> Result<Self, String> {
        let key = key(client as u64);
        let mut made = Vec::new();
        for number in 0..watchers {
            let channel = channels[(client + number) % channels.len()].clone();
            made.push(Watcher::open(channel, key.clone()).await?);
        }
        let channel = channels[client % channels.len()].clone();
        Ok(Self {
            kv: pb::kv_client::KvClient::new(channel),
            key,
            value: value(client as u64),
            watchers: made,
        })
    }
}

impl Watcher {
    async fn open(channel: Channel, key: Bytes) -> Result<Self, String> {
        let (requests, stream) = mpsc::channel(1);
        let create = pb::WatchCreateRequest {
            key,
            ..Default::default()
        };
        let create = pb::watch_request::RequestUnion::CreateRequest(create);
        let request = pb::WatchRequest {
            request_union: Some(create),
        };
        requests
            .send(request)
            .await
            .map_err(|error| error.to_string())?;
        let mut client = pb::watch_client::WatchClient::new(channel);
        let opened = client.watch(ReceiverStream::new(stream)).await;
        let mut responses = opened.map_err(failed)?.into_inner();
        match responses.message().await.map_err(failed)? {
            Some(reply) if reply.created => Ok(Self {
                responses,
                _requests: requests,
            }),
            other => Err(format!("a watch was answered by {other:?}")),
        }
    }

    /// Reads until the event of `revision`.
    async fn reach(&mut self, revision: i64) -> Result<(), String> {
        loop {
            let Some(reply) = self.responses.message().await.map_err(failed)? else {
                return Err("a watch ended".to_owned());
            };
            if reply.canceled {
                return Err(format!("a watch was cancelled: {}", reply.cancel_reason));
            }
            let pairs = reply.events.iter().filter_map(|event| event.kv.as_ref());
            if pairs.map(|pair| pair.mod_revision).max() >= Some(revision) {
                return Ok(());
            }
        }
    }
}

impl Client for FanOut {
    async fn step(&mut self) -> Result<u64, String> {
        let put = put(self.key.clone(), self.value.clone());
        let reply = self.kv.put(put).await.map_err(failed)?.into_inner();
        let revision = reply.header.map_or(0, |header| header.revision);
        for watcher in &mut self.watchers {
            watcher.reach(revision).await?;
        }
        Ok(self.watchers.len() as u64)
    }
}
