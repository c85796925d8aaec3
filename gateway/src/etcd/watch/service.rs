//! The RPC Watch: one task per stream, which ends with the stream.

use std::pin::Pin;

use futures_util::Stream;
use quorate_proto::etcdserverpb as pb;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::stream::WatchStream;
use crate::etcd::admission::LeaderGuard;
use crate::etcd::bound;
use crate::etcd::shared::Shared;

/// Responses that wait for a slow client; beyond, its watchers lag as cursors.
const RESPONSES_WAITING_MAX: usize = 16;

pub struct WatchService {
    pub shared: Shared,
}

#[tonic::async_trait]
impl pb::watch_server::Watch for WatchService {
    type WatchStream =
        Pin<Box<dyn Stream<Item = Result<pb::WatchResponse, Status>> + Send + 'static>>;

    async fn watch(
        &self,
        request: Request<Streaming<pb::WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let leader = LeaderGuard::new(&self.shared, request.metadata().as_ref());
        let (responses, receiver) = mpsc::channel(RESPONSES_WAITING_MAX);
        let stream = WatchStream::new(self.shared.clone(), responses.clone());
        let requests = request.into_inner();
        let metrics = &self.shared.metrics;
        let counted =
            bound::WATCH_STREAMS.take(&metrics.watch_streams, &metrics.streams_refused)?;
        tokio::spawn(async move {
            let ended = stream.run(requests, leader).await;
            drop(counted);
            if let Err(status) = ended {
                // The client may be gone; then nobody reads the reason.
                drop(responses.send(Err(status)).await);
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}
