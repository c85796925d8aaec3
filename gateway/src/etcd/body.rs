//! Bodies of requests and replies that tell the load what they hold.
//!
//! A request holds the message that is coming in, until it is answered; a reply the bytes that
//! were encoded and have not left. When there is no room they wait: a request for a while, and its
//! client can't send more than a window meanwhile; then it is refused.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;

use super::bound::Taken;
use super::error;
use crate::listen::{Held, ROOM_TIME_MAX, pause};

/// Room that there must be for one more piece of a reply.
const PIECE_BYTES: usize = 64 * 1024;

/// Of what is encoded: it stands in a buffer that was doubled, and the next message waits behind.
const COPIES: usize = 2;

/// A request's body.
pub struct RequestBody<B = Incoming> {
    inner: B,
    held: Arc<Mutex<Held>>,
    framing: Framing,
    /// A piece for which there was no room, and since when it has waited.
    waiting: Option<(Frame<Bytes>, Instant)>,
    pause: Pause,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Until there may be room again.
type Pause = Option<Pin<Box<dyn Future<Output = ()> + Send>>>;

impl<B> RequestBody<B> {
    /// Whoever keeps `held` keeps the last message counted.
    pub fn new(inner: B, held: Arc<Mutex<Held>>) -> RequestBody<B> {
        RequestBody {
            inner,
            held,
            framing: Framing::default(),
            waiting: None,
            pause: None,
        }
    }
}

impl<B> hyper::body::Body for RequestBody<B>
where
    B: hyper::body::Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.waiting.is_none() {
            let frame = match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => {
                    return Poll::Ready(Some(Err(Status::from_error(error.into()))));
                }
                None => return Poll::Ready(None),
            };
            let data = frame.data_ref().map_or(&[][..], |data| data);
            let bytes = this.framing.pass(data);
            if this.held.lock().try_set(bytes) {
                return Poll::Ready(Some(Ok(frame)));
            }
            this.waiting = Some((frame, Instant::now()));
        }
        loop {
            let pause = this.pause.get_or_insert_with(|| Box::pin(pause()));
            ready!(pause.as_mut().poll(cx));
            this.pause = None;
            let has_room = this.held.lock().try_set(this.framing.held);
            let is_late =
                |(_, since): &mut (_, Instant)| has_room || since.elapsed() > ROOM_TIME_MAX;
            if let Some((frame, _)) = this.waiting.take_if(is_late) {
                if has_room {
                    return Poll::Ready(Some(Ok(frame)));
                }
                this.held.lock().turn_down();
                return Poll::Ready(Some(Err(error::TOO_MANY_REQUESTS.into())));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Follows gRPC's messages: a flag, four bytes of length, so many bytes.
#[derive(Default)]
struct Framing {
    head: [u8; 5],
    head_bytes: usize,
    left: usize,
    held: usize,
}

impl Framing {
    /// Bytes so far of the message that `data` ends in, or with.
    fn pass(&mut self, mut data: &[u8]) -> usize {
        while !data.is_empty() {
            if self.head_bytes == self.head.len() && self.left == 0 {
                *self = Framing::default();
            }
            let taken = if self.head_bytes < self.head.len() {
                let taken = data.len().min(self.head.len() - self.head_bytes);
                self.head[self.head_bytes..][..taken].copy_from_slice(&data[..taken]);
                self.head_bytes += taken;
                let [_, length @ ..] = self.head;
                self.left = u32::from_be_bytes(length) as usize;
                taken
            } else {
                let taken = data.len().min(self.left);
                self.left -= taken;
                taken
            };
            self.held += taken;
            data = &data[taken..];
        }
        self.held
    }
}

/// A reply's body.
pub struct ReplyBody {
    inner: Body,
    held: Held,
    pause: Pause,
    /// Counts the call until all of its reply has left.
    _call: Option<Taken>,
}

impl ReplyBody {
    /// `held` is what was kept free for its first piece.
    pub fn new(inner: Body, held: Held, call: Option<Taken>) -> ReplyBody {
        ReplyBody {
            inner,
            held,
            pause: None,
            _call: call,
        }
    }
}

impl hyper::body::Body for ReplyBody {
    type Data = Bytes;
    type Error = Status;

    /// Called when what was given before has left, or nearly.
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        this.held.set(0);
        while !this.held.may_hold(PIECE_BYTES) {
            let pause = this.pause.get_or_insert_with(|| Box::pin(pause()));
            ready!(pause.as_mut().poll(cx));
            this.pause = None;
        }
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            this.held
                .set(frame.data_ref().map_or(0, Bytes::len) * COPIES);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full};

    use super::*;
    use crate::listen::{BUFFERS_BYTES_MAX, Load};

    /// A client that has all the room, and a request of another.
    fn full() -> (Held, RequestBody<Full<Bytes>>) {
        let load = Arc::<Load>::default();
        let share = || load.admit().expect("a few connections");
        let mut all = share().hold();
        assert!(all.try_set(BUFFERS_BYTES_MAX));
        let held = Arc::new(Mutex::new(share().hold()));
        let message = [&[0, 0, 0, 0x40, 0][..], &[b'x'; 0x4000]].concat();
        (all, RequestBody::new(Full::from(message), held))
    }

    #[tokio::test]
    async fn a_request_waits_for_room() {
        let (mut all, mut request) = full();
        let mut frame = request.frame();
        assert!(futures_util::poll!(&mut frame).is_pending());
        all.set(0);
        let frame = frame.await.expect("a piece").expect("there is room by now");
        assert_eq!(frame.into_data().expect("data").len(), 5 + 0x4000);
        assert!(request.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_request_does_not_wait_for_ever() {
        let (all, mut request) = full();
        let begun = Instant::now();
        let refused = request
            .frame()
            .await
            .expect("an answer")
            .expect_err("no room");
        assert_eq!(refused.message(), error::TOO_MANY_REQUESTS.message);
        assert!(begun.elapsed() >= ROOM_TIME_MAX);
        assert_eq!(all.load().turned_down(), 1);
    }

    #[test]
    fn the_message_that_is_coming_in_is_counted() {
        let stream = [0, 0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9];
        let ends = [5 + 3, 5 + 3 + 5, stream.len()];
        for cut in 1..stream.len() {
            let mut framing = Framing::default();
            let begin = ends.iter().copied().filter(|end| *end < cut).max();
            assert_eq!(framing.pass(&stream[..cut]), cut - begin.unwrap_or(0));
            assert_eq!(framing.pass(&stream[cut..]), 6, "cut at {cut}");
        }
    }
}
