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

use super::api::Census;
use super::core::Core;
use super::incoming::IncomingSnapshot;
use super::machine::Raft;
use crate::codec;
use crate::peer::{Frame, Kind, Service, Session as PeerSession};
use crate::raft::{TypeConfig, wire};
use crate::types::MemberId;

/// Appends of one leader that wait for the log.
const APPENDS_MAX: usize = 128;
/// Other requests of one peer under way at once.
const REQUESTS_MAX: usize = 256;

/// Everything peers can ask of this member.
pub(super) struct PeerService {
    raft: Raft,
    core: Arc<Core>,
}

impl PeerService {
    pub(super) fn new(core: Arc<Core>) -> PeerService {
        PeerService {
            raft: core.raft.clone(),
            core,
        }
    }
}

impl Service for PeerService {
    type Session = Session;

    fn session(&self, member: MemberId, answers: mpsc::Sender<Frame>) -> Session {
        let (raft, core) = (self.raft.clone(), self.core.clone());
        Session {
            service: PeerService { raft, core },
            member,
            answers,
            appends: OnceLock::new(),
            ended: Arc::new(Notify::new()),
            snapshot: None,
            slots: Arc::new(Semaphore::new(REQUESTS_MAX)),
            was_checked: false,
        }
    }
}

/// One connection of a peer.
pub(super) struct Session {
    service: PeerService,
    member: MemberId,
    answers: mpsc::Sender<Frame>,
    appends: OnceLock<Appends>,
    ended: Arc<Notify>,
    snapshot: Option<IncomingSnapshot>,
    slots: Arc<Semaphore>,
    /// Whether this member's log has what it acknowledged.
    was_checked: bool,
}

struct Appends {
    requests: mpsc::Sender<AppendEntriesRequest<TypeConfig>>,
    /// Ids and kinds of the requests without an answer, in order.
    ids: Arc<Mutex<VecDeque<(u64, Kind)>>>,
}

impl PeerSession for Session {
    async fn ended(&self) {
        self.ended.notified().await;
    }

    async fn handle(&mut self, frame: Frame) -> io::Result<()> {
        let Frame {
            id,
            kind,
            mut payload,
        } = frame;
        match kind {
            Kind::Append => {
                let append = wire::get_append(&mut payload)?;
                self.append(id, kind, append).await
            }
            Kind::Beat => {
                let slack = Duration::from_millis(wire::get_u32(&mut payload)?.into());
                let acknowledged = wire::get_u64(&mut payload)?;
                let beat = wire::get_append(&mut payload)?;
                // Once: only a process that has just begun may stand on another log.
                if !std::mem::replace(&mut self.was_checked, true) {
                    let checking = self
                        .service
                        .core
                        .check_acknowledged(acknowledged, &beat.vote);
                    checking.await;
                }
                self.service.core.hear_beat(&beat.vote, slack);
                self.append(id, Kind::Beat, beat).await
            }
            Kind::Snapshot => self.snapshot_part(id, payload).await,
            kind => self.spawn(id, kind, payload).await,
        }
    }
}

impl Session {
    async fn append(
        &mut self,
        id: u64,
        kind: Kind,
        request: AppendEntriesRequest<TypeConfig>,
    ) -> io::Result<()> {
        let appends = self.appends.get_or_init(|| self.start_appends());
        appends.ids.lock().push_back((id, kind));
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
                let Some((id, kind)) = waiting.lock().pop_front() else {
                    break;
                };
                let mut out = Vec::with_capacity(40);
                if kind == Kind::Beat {
                    out.put_u64_le(core.replica.clock.machine_wall().0);
                }
                wire::put_append_result(&mut out, &result);
                let frame = Frame {
                    id,
                    kind,
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
        let (raft, core) = (&self.service.raft, &self.service.core);
        let receiving = IncomingSnapshot::receive(incoming, payload, raft, core.versions());
        let (rest, answer) = receiving.await?;
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
        let answers = self.answers.clone();
        let answering = self.service.start(kind, payload, self.member)?;
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
            Kind::Census => {
                let asked = Census::decode(&mut payload)?;
                Box::pin(async move { core.answer_census(asked).await })
            }
            Kind::Append | Kind::Beat | Kind::Snapshot | Kind::Alive => {
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
