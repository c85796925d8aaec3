//! The answering side: accepts members, checks who they are, serves their frames in order.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, MissedTickBehavior};

use super::acquaintances::Acquaintances;
use super::conversation::{PENDING_MAX, PULSE};
use super::frame::{FRAME_BYTES_MAX, Frame, FrameReader, Kind};
use super::gate::Gate;
use super::handshake::shake;
use super::hello::Hello;
use super::service::{Service, Session};
use super::transport::{Accept, Duplex};

/// Connections of peers at once; a cluster of seven needs about 5 from each, and as many again
/// while lost ones are replaced.
const CONNECTIONS_MAX: usize = 256;
/// Connections whose other end has not said who it is.
const STRANGERS_MAX: usize = 128;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(3);
/// The calling side sends something several times a second.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// Answers that wait to be written, per connection.
const ANSWERS_MAX: usize = 1_024;
/// Frames that came in and wait, per connection: all that a caller may have under way.
const FRAMES_MAX: usize = PENDING_MAX;
/// Bytes of frames that are not whole yet or wait to be handled: of all connections, and those that
/// each has of its own besides, for frames that fit there. Beyond them connections wait their turn.
const BYTES_MAX: usize = FRAME_BYTES_MAX;
const OWN_BYTES_MAX: usize = 64 << 10;
/// How long a frame may hold a part of what all share before it is whole.
const FRAME_TIME_MAX: Duration = Duration::from_secs(60);

const _: () = assert!(
    BYTES_MAX + CONNECTIONS_MAX * OWN_BYTES_MAX <= 48 << 20,
    "what all peers together hold is published"
);

/// What all connections share.
struct Shared<S> {
    hello: Hello,
    acquaintances: Arc<Acquaintances>,
    gate: Gate<S>,
    connections: Semaphore,
    room: Arc<Semaphore>,
}

/// Where a connection's frames are until they are handled.
struct Room {
    own: Arc<Semaphore>,
    shared: Arc<Semaphore>,
}

impl Room {
    fn new(shared: &Arc<Semaphore>) -> Room {
        Room {
            own: Arc::new(Semaphore::new(OWN_BYTES_MAX)),
            shared: shared.clone(),
        }
    }

    /// Waits for room for a frame of so many bytes; of its own, if it has as much left.
    async fn take(&self, bytes: usize) -> io::Result<OwnedSemaphorePermit> {
        // None is longer than all the room: its head would have been refused.
        let bytes = bytes as u32;
        if let Ok(own) = self.own.clone().try_acquire_many_owned(bytes) {
            return Ok(own);
        }
        let shared = self.shared.clone().acquire_many_owned(bytes);
        shared.await.map_err(io::Error::other)
    }
}

/// Accepts until the task is dropped. Members are greeted from the start, and served once the gate
/// is open.
pub(crate) async fn serve<S: Service>(
    mut listener: Box<dyn Accept>,
    hello: Hello,
    acquaintances: Arc<Acquaintances>,
    gate: Gate<S>,
) {
    let strangers = Arc::new(Semaphore::new(STRANGERS_MAX));
    let shared = Arc::new(Shared {
        hello,
        acquaintances,
        gate,
        connections: Semaphore::new(CONNECTIONS_MAX),
        room: Arc::new(Semaphore::new(BYTES_MAX)),
    });
    loop {
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(target: "peer", %error, "accepting a peer failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(slot) = strangers.clone().try_acquire_owned() else {
            tracing::warn!(target: "peer", "too many connections without a name: one is refused");
            continue;
        };
        let shared = shared.clone();
        tokio::spawn(async move {
            if let Err(error) = greet(stream, &shared, slot).await {
                tracing::debug!(target: "peer", %error, "a peer's connection ended");
            }
        });
    }
}

async fn greet<S: Service>(
    mut stream: Box<dyn Duplex>,
    shared: &Shared<S>,
    stranger: OwnedSemaphorePermit,
) -> io::Result<()> {
    let greeting = shake(&mut *stream, shared.hello, &shared.acquaintances);
    let theirs = tokio::time::timeout(HANDSHAKE_TIMEOUT, greeting)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    drop(stranger);
    let full = |_| io::Error::other("too many connections from peers");
    let _slot = shared.connections.try_acquire().map_err(full)?;
    let service = shared.gate.passed().await;
    converse(stream, &*service, theirs, &shared.room).await
}

async fn converse<S: Service>(
    stream: Box<dyn Duplex>,
    service: &S,
    theirs: Hello,
    room: &Arc<Semaphore>,
) -> io::Result<()> {
    let (input, output) = tokio::io::split(stream);
    let (answers, receiver) = mpsc::channel(ANSWERS_MAX);
    let (frames, mut waiting) = mpsc::channel(FRAMES_MAX);
    let mut session = service.session(theirs.member, answers.clone());
    let handling = async move {
        loop {
            tokio::select! {
                biased;
                // A conversation that can't go on (a rejected append) is closed; the caller
                // re-opens.
                () = session.ended() => return Ok(()),
                frame = waiting.recv() => match frame {
                    Some(Taken { frame, room }) => {
                        session.handle(frame).await?;
                        drop(room);
                    }
                    None => return Ok(()),
                },
            }
        }
    };
    let mut writing = std::pin::pin!(write_answers(output, receiver));
    let ended = tokio::select! {
        biased;
        handled = handling => handled,
        ended = listen(FrameReader::new(input), &frames, &answers, Room::new(room)) => ended,
        () = &mut writing => return Err(io::ErrorKind::BrokenPipe.into()),
    };
    // The last answer says why it ended.
    drop(answers);
    drop(tokio::time::timeout(PULSE, writing).await);
    ended
}

/// A frame, with the room it takes until it is handled.
struct Taken {
    frame: Frame,
    room: OwnedSemaphorePermit,
}

/// What the one who says that it hears knows of the one who takes frames in.
#[derive(Default)]
struct Hearing {
    /// Bytes that have come.
    received: AtomicU64,
    /// What came waits for room; more is not listened to.
    is_held_up: AtomicBool,
}

/// Takes frames in, and says that it hears, until the connection ends.
async fn listen<R: tokio::io::AsyncRead + Unpin>(
    input: FrameReader<R>,
    frames: &mpsc::Sender<Taken>,
    answers: &mpsc::Sender<Frame>,
    room: Room,
) -> io::Result<()> {
    let hearing = Hearing::default();
    tokio::select! {
        biased;
        ended = take_in(input, frames, answers, &room, &hearing) => ended,
        ended = say_so(answers, &hearing) => ended,
    }
}

async fn take_in<R: tokio::io::AsyncRead + Unpin>(
    mut input: FrameReader<R>,
    frames: &mpsc::Sender<Taken>,
    answers: &mpsc::Sender<Frame>,
    room: &Room,
    hearing: &Hearing,
) -> io::Result<()> {
    let mut held = None;
    let take = async |bytes| {
        hearing.is_held_up.store(true, Ordering::Relaxed);
        let taken = room.take(bytes).await;
        hearing.is_held_up.store(false, Ordering::Relaxed);
        taken
    };
    loop {
        let read = match &held {
            Some((_, deadline)) => tokio::time::timeout_at(*deadline, input.next()).await?,
            None => input.next().await,
        };
        hearing.received.store(input.received(), Ordering::Relaxed);
        match read? {
            Some(frame) if frame.kind == Kind::Alive => drop(answers.try_send(frame)),
            Some(frame) => {
                let room = match held.take() {
                    Some((room, _)) => room,
                    None => take(frame.payload.len()).await?,
                };
                let closed = |_| io::Error::from(io::ErrorKind::BrokenPipe);
                frames.send(Taken { frame, room }).await.map_err(closed)?;
            }
            // A frame needs room before more of it is read.
            None => {
                if let (None, Some(bytes)) = (&held, input.announced()) {
                    let room = take(bytes).await?;
                    held = Some((room, Instant::now() + FRAME_TIME_MAX));
                }
            }
        }
    }
}

/// Ends when nothing was heard for long.
async fn say_so(answers: &mpsc::Sender<Frame>, hearing: &Hearing) -> io::Result<()> {
    let mut pulse = tokio::time::interval(PULSE);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut heard, mut heard_at) = (0, Instant::now());
    loop {
        pulse.tick().await;
        let (now, received) = (Instant::now(), hearing.received.load(Ordering::Relaxed));
        if received > heard || hearing.is_held_up.load(Ordering::Relaxed) {
            (heard, heard_at) = (received, now);
            drop(answers.try_send(alive()));
        } else if now > heard_at + SILENCE_MAX {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

fn alive() -> Frame {
    Frame {
        id: 0,
        kind: Kind::Alive,
        payload: bytes::Bytes::new(),
    }
}

/// Ends when nothing more can be written.
async fn write_answers<W: tokio::io::AsyncWrite + Unpin>(
    mut output: W,
    mut answers: mpsc::Receiver<Frame>,
) {
    let mut out = Vec::with_capacity(4 << 10);
    while let Some(frame) = answers.recv().await {
        out.clear();
        frame.encode(&mut out);
        while let Ok(frame) = answers.try_recv() {
            frame.encode(&mut out);
        }
        let writing = tokio::time::timeout(SILENCE_MAX, output.write_all(&out)).await;
        if !matches!(writing, Ok(Ok(()))) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    fn frame(bytes: usize) -> Vec<u8> {
        let mut out = Vec::new();
        Frame {
            id: 1,
            kind: Kind::Append,
            payload: vec![b'x'; bytes].into(),
        }
        .encode(&mut out);
        out
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_frame_waits_for_room_and_the_caller_hears_of_it() {
        const LONG_BYTES: usize = 4 * OWN_BYTES_MAX;
        let shared = Arc::new(Semaphore::new(BYTES_MAX));
        let all = shared.clone().acquire_many_owned(BYTES_MAX as u32).await;
        let (mut theirs, ours) = duplex(1 << 20);
        let (frames, mut taken) = mpsc::channel(1);
        let (answers, mut said) = mpsc::channel(1);
        let room = Room::new(&shared);
        let listening =
            tokio::spawn(
                async move { listen(FrameReader::new(ours), &frames, &answers, room).await },
            );
        for bytes in [100, LONG_BYTES] {
            theirs.write_all(&frame(bytes)).await.expect("it listens");
        }
        let small = taken.recv().await.expect("it has room of its own");
        assert_eq!(small.frame.payload.len(), 100);
        let begun = Instant::now();
        while begun.elapsed() < 2 * SILENCE_MAX {
            assert_eq!(said.recv().await.expect("a pulse").kind, Kind::Alive);
        }
        assert!(taken.try_recv().is_err(), "there is no room for it");
        drop(all);
        let long = taken.recv().await.expect("there is room by now");
        assert_eq!(long.frame.payload.len(), LONG_BYTES);
        assert!(shared.available_permits() <= BYTES_MAX - LONG_BYTES);
        drop(long);
        assert_eq!(shared.available_permits(), BYTES_MAX);
        listening.abort();
    }
}
