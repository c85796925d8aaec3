//! Bodies of requests and replies that tell the load what they hold.
//!
//! A request holds what has come of it, and the message that is whole until it is answered; a
//! reply the bytes that were encoded and have not left. The service gets whole messages: it
//! would reserve what a half one announces.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Frame, Incoming};
use parking_lot::Mutex;
use tonic::Status;
use tonic::body::Body;

use super::bound::Taken;
use super::error;
use crate::listen::{Held, Share, pause};

/// Of what is encoded: it stands in a buffer that was doubled, and the next message waits behind.
const COPIES: usize = 2;

/// What a piece takes besides, with the stream that it waits on.
const PIECE_HEAD_BYTES: usize = 1024;

/// A flag and four bytes of length stand before each message.
const HEAD_BYTES: usize = 5;

/// A request's body, in whole messages.
pub struct RequestBody<B = Incoming> {
    /// None when nothing more is to come.
    inner: Option<B>,
    held: Arc<Mutex<Held>>,
    /// What the call takes besides its messages.
    call_bytes: usize,
    message_bytes_max: usize,
    /// What has come of a message that is not whole.
    part: Vec<u8>,
    /// What is to be read next.
    next: Option<Result<Frame<Bytes>, Status>>,
    /// What comes is no message, or too long a one, and passes for the service to refuse it.
    is_refused: bool,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Until there may be room again.
type Pause = Option<Pin<Box<dyn Future<Output = ()> + Send>>>;

impl<B> RequestBody<B>
where
    B: hyper::body::Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    /// Whoever keeps `held` keeps the last message counted, and `call_bytes` before the first.
    pub fn new(
        inner: B,
        held: Arc<Mutex<Held>>,
        call_bytes: usize,
        message_bytes_max: usize,
    ) -> RequestBody<B> {
        held.lock().set(call_bytes);
        RequestBody {
            inner: Some(inner),
            held,
            call_bytes,
            message_bytes_max,
            part: Vec::new(),
            next: None,
            is_refused: false,
        }
    }

    /// Waits for the first message, or for the end if there is none.
    ///
    /// # Errors
    /// If its client can't send the rest of it for long since there is no room.
    pub async fn first(&mut self, share: &Share) -> Result<(), Status> {
        let first = poll_fn(|cx| self.poll_next(cx));
        let is_whole = tokio::select! {
            biased;
            () = first => true,
            () = share.starved() => false,
        };
        if is_whole {
            return Ok(());
        }
        self.held.lock().turn_down();
        Err(error::TOO_MANY_REQUESTS.into())
    }

    /// The first message is the only one: nothing more is waited for.
    pub fn is_only(&mut self) {
        if self.next.is_some() {
            self.inner = None;
        }
    }

    /// The call takes what its kind takes, and is counted with those of its kind.
    pub fn is_served(&mut self) {
        self.call_bytes = 0;
        self.count(0);
    }

    /// Until there is something to be read, or nothing more comes.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.next.is_none()
            && let Some(inner) = &mut self.inner
        {
            match ready!(Pin::new(inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.came(data),
                    Err(trailers) => self.next = Some(Ok(trailers)),
                },
                Some(Err(error)) => {
                    self.inner = None;
                    self.next = Some(Err(Status::from_error(error.into())));
                }
                None => {
                    self.inner = None;
                    let part = std::mem::take(&mut self.part);
                    self.next = (!part.is_empty()).then(|| Ok(Frame::data(part.into())));
                }
            }
        }
        Poll::Ready(())
    }

    fn came(&mut self, data: Bytes) {
        if self.part.is_empty() && self.whole(&data) == data.len() {
            return self.pass(data);
        }
        // Room for twice what has come, and for no more than is to come.
        let bytes = self.part.len() + data.len();
        let announced = message_bytes(&self.part).filter(|announced| *announced >= bytes);
        let wanted = announced.unwrap_or(2 * bytes).min(2 * bytes);
        let mut part = std::mem::take(&mut self.part);
        if part.capacity() < bytes {
            part.reserve_exact(wanted - part.len());
        }
        part.extend_from_slice(&data);
        let whole = self.whole(&part);
        if whole == 0 {
            self.part = part;
            return self.count(0);
        }
        self.part = part.split_off(whole);
        self.pass(part.into());
    }

    fn pass(&mut self, messages: Bytes) {
        self.count(messages.len());
        self.next = Some(Ok(Frame::data(messages)));
    }

    fn count(&self, messages: usize) {
        let bytes = self.call_bytes + messages + self.part.capacity();
        self.held.lock().set(bytes);
    }

    /// How many of the bytes pass: whole messages, or everything if something is wrong with them.
    fn whole(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while !self.is_refused
            && let Some(message) = message_bytes(&bytes[at..])
        {
            let is_plain = bytes[at] == 0 && message <= HEAD_BYTES + self.message_bytes_max;
            if is_plain && message > bytes.len() - at {
                return at;
            }
            self.is_refused = !is_plain;
            at = bytes.len().min(at + message);
        }
        if self.is_refused { bytes.len() } else { at }
    }
}

/// With its head, of the message that begins here.
fn message_bytes(bytes: &[u8]) -> Option<usize> {
    let [_, length @ ..] = *bytes.first_chunk::<HEAD_BYTES>()?;
    Some(HEAD_BYTES + u32::from_be_bytes(length) as usize)
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
        ready!(this.poll_next(cx));
        Poll::Ready(this.next.take())
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_none() && self.next.is_none()
    }
}

/// A reply's body. What it gives is counted until it has left: it is asked for more before.
pub struct ReplyBody {
    inner: Body,
    share: Share,
    /// What was kept free for the first piece.
    kept: Option<Held>,
    /// Room that there must be for one more piece.
    piece_bytes: usize,
    pause: Pause,
    /// Counts the call until all of its reply has left.
    call: Option<Arc<Taken>>,
}

/// Bytes that are to leave.
struct Piece {
    bytes: Bytes,
    _held: Held,
    _call: Option<Arc<Taken>>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl ReplyBody {
    pub fn new(
        inner: Body,
        share: &Share,
        kept: Held,
        piece_bytes: usize,
        call: Option<Taken>,
    ) -> ReplyBody {
        ReplyBody {
            inner,
            share: share.clone(),
            kept: Some(kept),
            piece_bytes,
            pause: None,
            call: call.map(Arc::new),
        }
    }

    fn counted(&mut self, bytes: Bytes) -> Bytes {
        let mut held = self.kept.take().unwrap_or_else(|| self.share.hold());
        held.set(bytes.len() * COPIES + PIECE_HEAD_BYTES);
        Bytes::from_owner(Piece {
            bytes,
            _held: held,
            _call: self.call.clone(),
        })
    }
}

impl hyper::body::Body for ReplyBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let is_kept = this.kept.as_ref().is_some_and(|kept| kept.bytes() > 0);
        while !is_kept && !this.share.may_hold(this.piece_bytes * COPIES) {
            let pause = this.pause.get_or_insert_with(|| Box::pin(pause()));
            ready!(pause.as_mut().poll(cx));
            this.pause = None;
        }
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(cx));
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(Ok(frame.map_data(|bytes| this.counted(bytes)))),
            other => other,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use http_body_util::BodyExt;

    use super::*;
    use crate::listen::Load;

    const MESSAGE_BYTES_MAX: usize = 1_000_000;

    /// Pieces that come one by one; then nothing, or the end.
    struct Pieces {
        left: VecDeque<Bytes>,
        ends: bool,
    }

    impl hyper::body::Body for Pieces {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            match self.left.pop_front() {
                Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
                None if self.ends => Poll::Ready(None),
                None => Poll::Pending,
            }
        }
    }

    fn share() -> Share {
        let load = Arc::<Load>::default();
        load.admit().expect("the first")
    }

    fn body(share: &Share, stream: &[u8], piece: usize, ends: bool) -> RequestBody<Pieces> {
        let left = stream.chunks(piece).map(Bytes::copy_from_slice).collect();
        let held = Arc::new(Mutex::new(share.hold_incoming()));
        RequestBody::new(Pieces { left, ends }, held, 0, MESSAGE_BYTES_MAX)
    }

    fn message(flag: u8, announced: u32, bytes: usize) -> Vec<u8> {
        let mut message = [&[flag][..], &announced.to_be_bytes()].concat();
        message.resize(HEAD_BYTES + bytes, b'x');
        message
    }

    /// A call of which six bytes have come took what it announced, 1.5 MB: some hundred kilobytes
    /// sent ended the server.
    #[tokio::test]
    async fn what_is_announced_takes_nothing() {
        let share = share();
        let mut body = body(&share, &message(0, 900_000, 100), 7, false);
        assert!(futures_util::poll!(Box::pin(body.first(&share))).is_pending());
        let held = body.held.lock().bytes();
        assert!((105..1_000).contains(&held), "{held}");
        assert!(futures_util::poll!(body.frame()).is_pending());
    }

    #[tokio::test]
    async fn messages_come_whole_however_they_are_cut() {
        let stream = [message(0, 3, 3), message(0, 0, 0), message(0, 300, 300)].concat();
        let ends = [8, 13, stream.len()];
        for piece in 1..stream.len() + 1 {
            let mut body = body(&share(), &stream, piece, true);
            let mut got = Vec::new();
            while let Some(frame) = body.frame().await {
                let data = frame.expect("no error").into_data().expect("data");
                got.extend_from_slice(&data);
                assert!(
                    ends.contains(&got.len()),
                    "{} in pieces of {piece}",
                    got.len()
                );
            }
            assert_eq!(got, stream);
        }
    }

    /// The service refuses it by its head, and says why.
    #[tokio::test]
    async fn what_is_wrong_passes_at_once() {
        let share = share();
        for wrong in [
            message(0, 2_000_000, 3),
            message(1, 10, 3),
            message(9, 10, 3),
        ] {
            let mut body = body(&share, &wrong, 1, false);
            let mut got = Vec::new();
            while let Poll::Ready(Some(frame)) = futures_util::poll!(body.frame()) {
                got.extend_from_slice(&frame.expect("no error").into_data().expect("data"));
            }
            assert_eq!(got, wrong);
        }
    }

    #[tokio::test]
    async fn the_end_in_the_middle_is_told_as_it_is() {
        let half = message(0, 10, 3);
        let mut body = body(&share(), &half, 2, true);
        let got = body.frame().await.expect("a frame").expect("no error");
        assert_eq!(got.into_data().expect("data"), half);
        assert!(body.frame().await.is_none());
    }

    /// What was given away counted as gone: hyper asks for more before it has left.
    #[tokio::test]
    async fn a_reply_is_counted_until_it_has_left() {
        let share = share();
        let inner = Body::new(http_body_util::Full::new(Bytes::from(vec![b'x'; 100_000])));
        let mut body = ReplyBody::new(inner, &share, share.hold(), 1, None);
        let piece = body.frame().await.expect("a frame").expect("no error");
        assert!(body.frame().await.is_none());
        drop(body);
        assert!(share.load().bytes() > 100_000);
        drop(piece);
        assert_eq!(share.load().bytes(), 0);
    }

    #[tokio::test]
    async fn who_can_not_send_the_rest_is_refused() {
        let share = share();
        let mut body = body(&share, &message(0, 10, 3), 1, false);
        let mut first = Box::pin(body.first(&share));
        assert!(futures_util::poll!(&mut first).is_pending());
        share.starve();
        let refused = first.await.expect_err("no room");
        assert_eq!(refused.message(), error::TOO_MANY_REQUESTS.message);
        assert_eq!(share.load().turned_down(), 1);
    }
}
