//! The calling side of a connection: requests leave in the order they were started, answers come
//! back by id. Connects when there is something to send; a lost connection fails what was under
//! way, and says whether it may have arrived.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, oneshot};

use super::frame::{Frame, Kind, read_frame};
use super::handshake::{Hello, shake};
use super::transport::{Duplex, Transport};

/// Bytes gathered into one write.
const WRITE_BYTES_MAX: usize = 1 << 20;
/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// It certainly did not arrive.
    #[error("peer is unreachable: {0}")]
    NotSent(String),
    /// It may have arrived.
    #[error("connection to the peer was lost")]
    Lost,
}

type Answer = oneshot::Sender<Result<Bytes, LinkError>>;

struct Call {
    kind: Kind,
    payload: Bytes,
    answer: Answer,
}

/// A handle; its connection ends with the last clone.
#[derive(Clone)]
pub(crate) struct Link {
    calls: mpsc::UnboundedSender<Call>,
}

impl Link {
    /// `addresses` are tried in turn.
    pub(crate) fn new(transport: Arc<dyn Transport>, addresses: Vec<String>, ours: Hello) -> Link {
        let (calls, receiver) = mpsc::unbounded_channel();
        tokio::spawn(run(transport, addresses, ours, receiver));
        Link { calls }
    }

    /// Queues a request now; the order of calls is the order on the wire. How many may be under
    /// way at once is bounded by the callers.
    pub(crate) fn start(
        &self,
        kind: Kind,
        payload: Bytes,
    ) -> oneshot::Receiver<Result<Bytes, LinkError>> {
        let (answer, receiver) = oneshot::channel();
        if let Err(refused) = self.calls.send(Call {
            kind,
            payload,
            answer,
        }) {
            let stopped = LinkError::NotSent("this member is stopping".into());
            drop(refused.0.answer.send(Err(stopped)));
        }
        receiver
    }

    pub(crate) async fn call(
        &self,
        kind: Kind,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, LinkError> {
        match tokio::time::timeout(timeout, self.start(kind, payload)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(LinkError::Lost),
        }
    }
}

async fn run(
    transport: Arc<dyn Transport>,
    addresses: Vec<String>,
    ours: Hello,
    mut calls: mpsc::UnboundedReceiver<Call>,
) {
    while let Some(first) = calls.recv().await {
        match connect(&*transport, &addresses, ours).await {
            Ok(stream) => converse(stream, first, &mut calls).await,
            Err(error) => {
                tracing::debug!(target: "peer", ?addresses, %error, "peer is unreachable");
                let refuse = |call: Call| {
                    drop(call.answer.send(Err(LinkError::NotSent(error.to_string()))));
                };
                refuse(first);
                while let Ok(call) = calls.try_recv() {
                    refuse(call);
                }
            }
        }
    }
}

async fn connect(
    transport: &dyn Transport,
    addresses: &[String],
    ours: Hello,
) -> io::Result<Box<dyn Duplex>> {
    let mut last = io::Error::other("the member has no peer address");
    for address in addresses {
        let open = async {
            let mut stream = transport.connect(address).await?;
            shake(&mut *stream, ours).await?;
            Ok(stream)
        };
        match tokio::time::timeout(CONNECT_TIMEOUT, open).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// Runs one connection until it fails; then everything under way is `Lost`.
async fn converse(stream: Box<dyn Duplex>, first: Call, calls: &mut mpsc::UnboundedReceiver<Call>) {
    let (mut input, mut output) = tokio::io::split(stream);
    let mut pending: HashMap<u64, Answer> = HashMap::new();
    let mut buffer = BytesMut::with_capacity(64 << 10);
    let mut next_id = 0_u64;
    let mut next_call = Some(first);
    loop {
        if let Some(call) = next_call.take() {
            let mut out = Vec::with_capacity(call.payload.len() + 64);
            enqueue(call, &mut next_id, &mut pending, &mut out);
            while out.len() < WRITE_BYTES_MAX
                && let Ok(call) = calls.try_recv()
            {
                enqueue(call, &mut next_id, &mut pending, &mut out);
            }
            if output.write_all(&out).await.is_err() {
                break;
            }
        }
        tokio::select! {
            biased;
            frame = read_frame(&mut input, &mut buffer) => match frame {
                Ok(Some(frame)) => {
                    if let Some(answer) = pending.remove(&frame.id) {
                        drop(answer.send(Ok(frame.payload)));
                    }
                }
                Ok(None) | Err(_) => break,
            },
            call = calls.recv() => match call {
                Some(call) => next_call = Some(call),
                None => break,
            },
        }
    }
    pending
        .into_values()
        .for_each(|answer| drop(answer.send(Err(LinkError::Lost))));
}

fn enqueue(call: Call, next_id: &mut u64, pending: &mut HashMap<u64, Answer>, out: &mut Vec<u8>) {
    *next_id += 1;
    Frame {
        id: *next_id,
        kind: call.kind,
        payload: call.payload,
    }
    .encode(out);
    pending.insert(*next_id, call.answer);
}
