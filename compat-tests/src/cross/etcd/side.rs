//! One of the two servers: its connection, its unary calls and its watch streams.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost_reflect::DynamicMessage;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::iter;
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};

use super::fault::Fault;
use super::wire::{self, Call, Raw, Reply};

/// Of one call, and of the opening of a stream.
const CALL_LIMIT: Duration = Duration::from_secs(20);
/// Watch requests that may wait to be sent.
const REQUESTS_WAITING_MAX: usize = 16;
const WATCH_PATH: &str = "/etcdserverpb.Watch/Watch";

/// A connection to one server.
#[derive(Clone)]
pub struct Side {
    channel: Channel,
    fault: Option<Arc<Fault>>,
}

impl Side {
    /// Connects to `127.0.0.1:2379`; a `fault` spoils what comes back.
    pub async fn connect(address: &str, fault: Option<Arc<Fault>>) -> Result<Self, String> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"));
        let endpoint = endpoint.map_err(|error| error.to_string())?;
        let endpoint = endpoint.tcp_nodelay(true).connect_timeout(CALL_LIMIT);
        let channel = endpoint
            .connect()
            .await
            .map_err(|error| error.to_string())?;
        Ok(Self { channel, fault })
    }

    /// Makes `call`. An answer that does not come in time is an error like any other.
    pub async fn call(&self, call: &Call) -> Reply {
        let late = || Reply::ended(Vec::new(), &Status::unknown("no answer within the limit"));
        let mut reply = timeout(CALL_LIMIT, self.answer(call))
            .await
            .unwrap_or_else(|_| late());
        if let Some(fault) = &self.fault {
            fault.spoil(call, &mut reply);
        }
        reply
    }

    async fn answer(&self, call: &Call) -> Reply {
        let mut messages = Vec::new();
        let ended = match self.collect(call, &mut messages).await {
            Ok(()) => Status::ok(""),
            Err(status) => status,
        };
        let Some(method) = call.descriptor() else {
            return Reply::ended(Vec::new(), &ended);
        };
        let decode = |bytes| wire::decode(method.output(), bytes);
        match messages.into_iter().map(decode).collect() {
            Ok(messages) => Reply::ended(messages, &ended),
            Err(error) => {
                Reply::ended(Vec::new(), &Status::unknown(format!("unreadable: {error}")))
            }
        }
    }

    async fn collect(&self, call: &Call, into: &mut Vec<Bytes>) -> Result<(), Status> {
        let mut grpc = self.grpc().await?;
        let path = path(&call.path());
        let method = call.descriptor();
        let asks_once = method.as_ref().is_none_or(|m| !m.is_client_streaming());
        let answers_once = method.as_ref().is_none_or(|m| !m.is_server_streaming());
        let first = call.requests.first().cloned().unwrap_or_default();
        if asks_once && answers_once {
            let reply = grpc.unary(Request::new(first), path, Raw).await?;
            into.push(reply.into_inner());
            return Ok(());
        }
        let requests = Request::new(iter(call.requests.clone()));
        let reply = match asks_once {
            true => {
                grpc.server_streaming(Request::new(first), path, Raw)
                    .await?
            }
            false => grpc.streaming(requests, path, Raw).await?,
        };
        let mut stream = reply.into_inner();
        while let Some(bytes) = stream.message().await? {
            into.push(bytes);
        }
        Ok(())
    }

    /// Opens a watch stream with its first request.
    pub async fn watch(&self, first: Bytes) -> Result<WatchStream, String> {
        let (requests, waiting) = mpsc::channel(REQUESTS_WAITING_MAX);
        let told = |status: Status| format!("{:?}: {}", status.code(), status.message());
        requests
            .send(first)
            .await
            .map_err(|error| error.to_string())?;
        let open = async {
            let mut grpc = self.grpc().await?;
            let requests = Request::new(ReceiverStream::new(waiting));
            grpc.streaming(requests, path(WATCH_PATH), Raw).await
        };
        let opened = timeout(CALL_LIMIT, open).await;
        let opened = opened.map_err(|_| "the watch stream was not opened".to_owned())?;
        Ok(WatchStream {
            requests,
            responses: opened.map_err(told)?.into_inner(),
            fault: self.fault.clone(),
        })
    }

    async fn grpc(&self) -> Result<Grpc<Channel>, Status> {
        let mut grpc = Grpc::new(self.channel.clone())
            .max_decoding_message_size(usize::MAX)
            .max_encoding_message_size(usize::MAX);
        let ready = grpc.ready().await;
        ready.map_err(|error| Status::unknown(format!("not connected: {error}")))?;
        Ok(grpc)
    }
}

fn path(path: &str) -> PathAndQuery {
    path.parse().expect("method names are fit for a path")
}

/// An open watch stream.
pub struct WatchStream {
    requests: mpsc::Sender<Bytes>,
    responses: Streaming<Bytes>,
    fault: Option<Arc<Fault>>,
}

impl WatchStream {
    /// Sends a request.
    pub async fn send(&self, request: Bytes) -> Result<(), String> {
        let sent = self.requests.send(request).await;
        sent.map_err(|_| "the watch stream is closed".to_owned())
    }

    /// The next response; None if none comes within `limit`. An error ends the stream.
    pub async fn receive(&mut self, limit: Duration) -> Result<Option<DynamicMessage>, String> {
        let Ok(received) = timeout(limit, self.responses.message()).await else {
            return Ok(None);
        };
        let told = |status: Status| format!("{:?}: {}", status.code(), status.message());
        let bytes = received.map_err(told)?.ok_or("the watch stream ended")?;
        let decoded = wire::decode_named("etcdserverpb.WatchResponse", bytes);
        let mut response = decoded.map_err(|error| error.to_string())?;
        if let Some(fault) = &self.fault {
            fault.spoil_watch(&mut response);
        }
        Ok(Some(response))
    }
}
