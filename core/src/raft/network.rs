//! openraft's network on links to the peers. Each client openraft asks for (replication,
//! heartbeats, snapshots, votes) has a connection of its own, so that none waits behind another.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use openraft::OptionalSend;
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{Backoff, RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult,
    TransferLeaderError, TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::type_config::alias::SnapshotOf;
use parking_lot::Mutex;

use super::log_store::APPEND_BYTES_MAX;
use super::pipeline::{encode, end, pipelined};
use super::snapshot::{SnapshotData, send_snapshot};
use super::types::{Peer, TypeConfig, Vote};
use super::wire;
use crate::limits::ENTRY_BYTES_MAX;
use crate::peer::{
    Acquaintances, Dialler, FRAME_BYTES_MAX, Hello, Kind, Link, LinkError, Transport, address_of,
};
use crate::types::MemberId;

type RpcError = RPCError<TypeConfig>;

/// How long before a peer that could not be reached is asked again; its link knows by then.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

const _: () = assert!(
    APPEND_BYTES_MAX + 2 * ENTRY_BYTES_MAX <= FRAME_BYTES_MAX,
    "an append is a frame, whatever its last entry"
);

/// Makes connections to members.
#[derive(Clone)]
pub(crate) struct PeerNetwork {
    transport: Arc<dyn Transport>,
    acquaintances: Arc<Acquaintances>,
    hello: Hello,
    /// For beats, votes and what comes before them: open already when an election is called.
    elections: Arc<Mutex<BTreeMap<MemberId, Link>>>,
}

impl PeerNetwork {
    pub(crate) fn new(
        transport: Arc<dyn Transport>,
        acquaintances: Arc<Acquaintances>,
        hello: Hello,
    ) -> PeerNetwork {
        PeerNetwork {
            transport,
            acquaintances,
            hello,
            elections: Arc::default(),
        }
    }

    /// This member's log lacks what it had acknowledged.
    pub(crate) fn has_lost(&self, acknowledged: u64, held: u64) {
        self.acquaintances.has_lost(acknowledged, held);
    }

    pub(crate) fn election_link(&self, target: MemberId, peer: &Peer) -> Link {
        let mut links = self.elections.lock();
        let link = links.entry(target);
        link.or_insert_with(|| self.link(target, peer)).clone()
    }

    pub(crate) fn dialler(&self, target: MemberId, peer: &Peer) -> Dialler {
        let address = |url: &String| address_of(url).to_owned();
        Dialler {
            transport: self.transport.clone(),
            acquaintances: self.acquaintances.clone(),
            addresses: peer.peer_urls.iter().map(address).collect(),
            ours: Hello {
                target,
                ..self.hello
            },
        }
    }

    pub(crate) fn link(&self, target: MemberId, peer: &Peer) -> Link {
        Link::new(self.dialler(target, peer))
    }
}

impl RaftNetworkFactory<TypeConfig> for PeerNetwork {
    type Network = PeerClient;

    async fn new_client(&mut self, target: MemberId, peer: &Peer) -> PeerClient {
        PeerClient {
            link: self.link(target, peer),
            elections: self.election_link(target, peer),
        }
    }
}

pub(crate) struct PeerClient {
    link: Link,
    elections: Link,
}

fn rpc_error(error: &LinkError) -> RpcError {
    match error {
        LinkError::NotSent(_) => RPCError::Unreachable(Unreachable::new(error)),
        LinkError::Lost => RPCError::Network(NetworkError::new(error)),
    }
}

fn malformed(error: std::io::Error) -> RpcError {
    RPCError::Network(NetworkError::new(&error))
}

impl PeerClient {
    async fn call(&self, kind: Kind, out: Vec<u8>, option: &RPCOption) -> Result<Bytes, RpcError> {
        let answer = self
            .elections
            .call(kind, out.into(), option.hard_ttl())
            .await;
        answer.map_err(|error| rpc_error(&error))
    }

    /// Puts the request on the wire now; the future has the answer. It comes when it comes: the
    /// link knows whether there is still somebody to give it.
    fn start_append(
        &self,
        request: Bytes,
    ) -> impl Future<Output = Result<StreamAppendResult<TypeConfig>, RpcError>> + Send + use<> {
        let answer = self.link.start(Kind::Append, request);
        async move {
            let answer = answer.await;
            let mut answer = answer
                .unwrap_or(Err(LinkError::Lost))
                .map_err(|error| rpc_error(&error))?;
            wire::get_append_result(&mut answer).map_err(malformed)
        }
    }
}

impl RaftNetworkV2<TypeConfig> for PeerClient {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RpcError> {
        let last = end(&request);
        let answer =
            tokio::time::timeout(option.hard_ttl(), self.start_append(encode(&request))).await;
        match answer.unwrap_or_else(|_| Err(rpc_error(&LinkError::Lost)))? {
            Ok(matched) if matched == last => Ok(AppendEntriesResponse::Success),
            Ok(matched) => Ok(AppendEntriesResponse::PartialSuccess(matched)),
            Err(openraft::raft::StreamAppendError::Conflict(_)) => {
                Ok(AppendEntriesResponse::Conflict)
            }
            Err(openraft::raft::StreamAppendError::HigherVote(vote)) => {
                Ok(AppendEntriesResponse::HigherVote(vote))
            }
        }
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _option: RPCOption,
    ) -> BoxFuture<
        's,
        Result<BoxStream<'s, Result<StreamAppendResult<TypeConfig>, RpcError>>, RpcError>,
    >
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + OptionalSend + Unpin + 'static,
    {
        let answers = pipelined(input, |request| self.start_append(request));
        let stream: BoxStream<'s, _> = Box::pin(answers);
        Box::pin(async move { Ok(stream) })
    }

    async fn vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        let mut out = Vec::with_capacity(64);
        wire::put_vote_request(&mut out, &request);
        let mut answer = self.call(Kind::Vote, out, &option).await?;
        wire::get_vote_response(&mut answer).map_err(malformed)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: SnapshotOf<TypeConfig, SnapshotData>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let sending = send_snapshot(&self.link, vote, snapshot, option.hard_ttl());
        tokio::select! {
            closed = cancel => Err(StreamingError::Closed(closed)),
            sent = sending => sent.map_err(|error| StreamingError::from(rpc_error(&error))),
        }
    }

    fn backoff(&self) -> Option<Backoff> {
        Some(Backoff::new(std::iter::repeat(RETRY_INTERVAL)))
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RpcError> {
        let mut out = Vec::with_capacity(64);
        wire::put_transfer(&mut out, &request);
        let answer = self.call(Kind::TransferLeader, out, &option).await?;
        let changed = TransferLeaderError::VoteChanged {
            expected: *request.from_leader(),
            actual: *request.from_leader(),
        };
        Ok(if answer.first() == Some(&1) {
            Ok(())
        } else {
            Err(changed)
        })
    }
}
