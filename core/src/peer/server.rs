//! The answering side: accepts members, checks who they are, serves their frames in order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, mpsc};

use super::dispatch::PeerService;
use super::frame::{Frame, read_frame};
use super::handshake::shake;
use super::transport::{Accept, Duplex};

/// Connections of peers at once; a cluster of seven needs about 4 from each.
const CONNECTIONS_MAX: usize = 64;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(2);
/// Answers that wait to be written, per connection.
const ANSWERS_MAX: usize = 1_024;

/// Accepts until the task is dropped.
pub(crate) async fn serve(mut listener: Box<dyn Accept>, service: Arc<PeerService>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(target: "peer", %error, "accepting a peer failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(slot) = slots.clone().try_acquire_owned() else {
            tracing::warn!(target: "peer", "too many connections from peers: one is refused");
            continue;
        };
        let service = service.clone();
        tokio::spawn(async move {
            if let Err(error) = converse(stream, service).await {
                tracing::debug!(target: "peer", %error, "a peer's connection ended");
            }
            drop(slot);
        });
    }
}

async fn converse(mut stream: Box<dyn Duplex>, service: Arc<PeerService>) -> io::Result<()> {
    let greeting = shake(&mut *stream, service.hello());
    let theirs = tokio::time::timeout(HANDSHAKE_TIMEOUT, greeting)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    service.admit(&theirs)?;
    let (mut input, output) = tokio::io::split(stream);
    let (answers, receiver) = mpsc::channel::<Frame>(ANSWERS_MAX);
    let writer = tokio::spawn(write_answers(output, receiver));
    let mut session = service.session(theirs.member, answers);
    let mut buffer = BytesMut::with_capacity(64 << 10);
    let result = loop {
        tokio::select! {
            biased;
            // A conversation that can't go on (a rejected append) is closed; the caller re-opens.
            () = session.ended() => break Ok(()),
            frame = read_frame(&mut input, &mut buffer) => match frame {
                Ok(Some(frame)) => session.handle(frame).await?,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            },
        }
    };
    drop(session);
    drop(writer.await);
    result
}

async fn write_answers(
    mut output: tokio::io::WriteHalf<Box<dyn Duplex>>,
    mut answers: mpsc::Receiver<Frame>,
) {
    let mut out = Vec::with_capacity(4 << 10);
    while let Some(frame) = answers.recv().await {
        out.clear();
        frame.encode(&mut out);
        while let Ok(frame) = answers.try_recv() {
            frame.encode(&mut out);
        }
        if output.write_all(&out).await.is_err() {
            return;
        }
    }
}
