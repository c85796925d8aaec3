//! What a member does with the frames of a peer.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{BufMut, Bytes};
use futures_util::StreamExt;
use openraft::raft::AppendEntriesRequest;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::frame::{Frame, Kind};
use super::handshake::Hello;
use crate::codec;
use crate::node::Core;
use crate::raft::{IncomingSnapshot, Raft, TypeConfig, wire};
use crate::types::MemberId;

/// Appends of one leader that wait for the log.
const APPENDS_MAX: usize = 128;
/// Other requests of one peer under way at once.
const REQUESTS_MAX: usize = 256;

/// Everything peers can ask of this member.
pub(crate) struct PeerService {
    hello: Hello,
    raft: Raft,
    core: Arc<Core>,
    /// Incarnations seen first by this process, by member: a disk that was swapped is noticed.
    incarnations: Mutex<Vec<(MemberId, u64)>>,
}

impl PeerService {
    pub(crate) fn new(hello: Hello, raft: Raft, core: Arc<Core>) -> PeerService {
        PeerService {
            hello,
            raft,
            core,
            incarnations: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn hello(&self) -> Hello {
        self.hello
    }

    /// Refuses members whose disk is not the one that is part of the cluster.
    pub(super) fn admit(&self, theirs: &Hello) -> io::Result<()> {
        let mut seen = self.incarnations.lock();
        let known = self.core.incarnation_of(theirs.member).or_else(|| {
            let found = seen.iter().find(|(member, _)| *member == theirs.member);
            found.map(|(_, incarnation)| *incarnation)
        });
        match known {
            Some(incarnation) if incarnation != theirs.incarnation => {
                tracing::warn!(
                    target: "peer",
                    member = format!("{:x}", theirs.member),
                    "refused: its data directory is not the one it joined with; \
                     data lost: remove the member and add it again"
                );
                Err(io::Error::other("the peer lost its data"))
            }
            Some(_) => Ok(()),
            None => {
                seen.push((theirs.member, theirs.incarnation));
                Ok(())
            }
        }
    }

    pub(super) fn session(
        self: &Arc<Self>,
        member: MemberId,
        answers: mpsc::Sender<Frame>,
    ) -> Session {
        Session {
            service: self.clone(),
            member,
            answers,
            appends: OnceLock::new(),
            ended: Arc::new(Notify::new()),
            snapshot: None,
            slots: Arc::new(Semaphore::new(REQUESTS_MAX)),
        }
    }
}

/// One connection of a peer.
pub(super) struct Session {
    service: Arc<PeerService>,
    member: MemberId,
    answers: mpsc::Sender<Frame>,
    appends: OnceLock<Appends>,
    ended: Arc<Notify>,
    snapshot: Option<IncomingSnapshot>,
    slots: Arc<Semaphore>,
}

struct Appends {
    requests: mpsc::Sender<AppendEntriesRequest<TypeConfig>>,
    /// Ids of the requests without an answer, in order.
    ids: Arc<Mutex<VecDeque<u64>>>,
}

impl Session {
    /// Resolves when the conversation can't go on.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }

    /// # Errors
    /// For bytes that are no request: the connection is closed.
    pub(super) async fn handle(&mut self, frame: Frame) -> io::Result<()> {
        let Frame {
            id,
            kind,
            mut payload,
        } = frame;
        match kind {
            Kind::Append => self.append(id, wire::get_append(&mut payload)?).await,
            Kind::Beat => {
                let slack = Duration::from_millis(wire::get_u32(&mut payload)?.into());
                self.service.core.pulse.hear_slack(slack);
                self.append(id, wire::get_append(&mut payload)?).await
            }
            Kind::Snapshot => self.snapshot_part(id, payload).await,
            kind => self.spawn(id, kind, payload).await,
        }
    }

    async fn append(
        &mut self,
        id: u64,
        request: AppendEntriesRequest<TypeConfig>,
    ) -> io::Result<()> {
        let appends = self.appends.get_or_init(|| self.start_appends());
        appends.ids.lock().push_back(id);
        appends
            .requests
            .send(request)
            .await
            .map_err(|_| io::Error::other("appends have ended"))
    }

    fn start_appends(&self) -> Appends {
        let (requests, receiver) = mpsc::channel(APPENDS_MAX);
        let ids = Arc::new(Mutex::new(VecDeque::new()));
        let results = self
            .service
            .raft
            .stream_append(ReceiverStream::new(receiver));
        let (answers, ended, waiting) = (self.answers.clone(), self.ended.clone(), ids.clone());
        let core = self.service.core.clone();
        tokio::spawn(async move {
            let mut results = std::pin::pin!(results);
            while let Some(Ok(result)) = results.next().await {
                if result.is_ok() {
                    core.pulse.hear_leader();
                }
                let Some(id) = waiting.lock().pop_front() else {
                    break;
                };
                let mut out = Vec::with_capacity(32);
                wire::put_append_result(&mut out, &result);
                let frame = Frame {
                    id,
                    kind: Kind::Append,
                    payload: out.into(),
                };
                if answers.send(frame).await.is_err() || result.is_err() {
                    break;
                }
            }
            ended.notify_one();
        });
        Appends { requests, ids }
    }

    async fn snapshot_part(&mut self, id: u64, payload: Bytes) -> io::Result<()> {
        let incoming = self.snapshot.take();
        let (rest, answer) =
            IncomingSnapshot::receive(incoming, payload, &self.service.raft, &self.service.core)
                .await?;
        self.snapshot = rest;
        let frame = Frame {
            id,
            kind: Kind::Snapshot,
            payload: answer,
        };
        self.answers
            .send(frame)
            .await
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    async fn spawn(&self, id: u64, kind: Kind, payload: Bytes) -> io::Result<()> {
        let slot = self
            .slots
            .clone()
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let (service, answers, member) = (self.service.clone(), self.answers.clone(), self.member);
        let answering = service.start(kind, payload, member)?;
        tokio::spawn(async move {
            // No answer: the caller sees a lost connection or its own deadline.
            if let Some(payload) = answering.await {
                drop(answers.send(Frame { id, kind, payload }).await);
            }
            drop(slot);
        });
        Ok(())
    }
}

type Answering = std::pin::Pin<Box<dyn Future<Output = Option<Bytes>> + Send>>;

impl PeerService {
    /// Decodes the request now, so that bad bytes close the connection, and answers later.
    fn start(&self, kind: Kind, mut payload: Bytes, from: MemberId) -> io::Result<Answering> {
        let (raft, core) = (self.raft.clone(), self.core.clone());
        Ok(match kind {
            Kind::Vote => {
                let request = wire::get_vote_request(&mut payload)?;
                Box::pin(async move { Some(vote_bytes(core.answer_vote(request).await?)) })
            }
            Kind::PreVote => {
                let request = wire::get_vote_request(&mut payload)?;
                Box::pin(async move { Some(vote_bytes(core.answer_pre_vote(request).await?)) })
            }
            Kind::TransferLeader => {
                let request = wire::get_transfer(&mut payload)?;
                Box::pin(async move {
                    let accepted = raft.handle_transfer_leader(request).await.ok()?.is_ok();
                    Some(Bytes::from(vec![u8::from(accepted)]))
                })
            }
            Kind::Forward => {
                let bytes = payload.len();
                let batches = codec::decode_batches(payload).map_err(io::Error::other)?;
                if batches.iter().any(|batch| batch.origin.member != from) {
                    return Err(io::Error::other("batches of another member"));
                }
                // Queued here, in the order of the frames.
                let answer = core.accept_forwarded(batches, bytes);
                Box::pin(async move { Some(answer.await) })
            }
            Kind::Barrier => {
                let timeout = Duration::from_millis(wire::get_u32(&mut payload)?.into());
                Box::pin(async move { Some(core.answer_barrier(timeout).await) })
            }
            Kind::Publish => {
                let channel = wire::get_bytes(&mut payload)?;
                let message = wire::get_bytes(&mut payload)?;
                let after = wire::get_u64(&mut payload)?;
                Box::pin(async move {
                    let received = core.deliver_published(from, channel, message, after).await;
                    let mut out = Vec::with_capacity(8);
                    out.put_u64_le(received);
                    Some(out.into())
                })
            }
            Kind::Append | Kind::Beat | Kind::Snapshot => {
                return Err(io::Error::other("not a single request"));
            }
        })
    }
}

fn vote_bytes(response: openraft::raft::VoteResponse<TypeConfig>) -> Bytes {
    let mut out = Vec::with_capacity(48);
    wire::put_vote_response(&mut out, &response);
    out.into()
}
