//! Odd `:authority` values, made harmless before HTTP/2 sees them.
//!
//! clientv3 3.5.0 sends `#initially=[127.0.0.1:2379]` there, and clients of unix sockets a path.
//! grpc-go never looks at it; the h2 crate resets the stream. So each HEADERS frame is looked
//! through as it comes in, and an authority that is none has its forbidden bytes replaced by
//! dashes: nothing here depends on it. The length stays, so that both ends' tables of headers
//! keep equal sizes, and later references to the entry find the harmless value. Frames without
//! such a value, which are all of nearly every connection, pass uncopied.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::uri::Authority;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::hpack;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEAD_BYTES: usize = 9;
const HEADERS: u8 = 1;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// HTTP/2's frame size unless raised, which we never do.
const FRAME_BYTES_MAX: usize = 16_384;

/// Room for the first bytes: every silent connection has it.
const FIRST_BYTES: usize = 256;

/// What the next incoming byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Preface,
    FrameHead,
    /// Bytes left of a frame that is none of our business.
    Payload(usize),
    /// Not HTTP/2: nothing is looked at any more.
    Foreign,
}

/// A connection that reads with authorities made harmless.
pub struct AuthorityShim<T> {
    inner: T,
    filter: Filter,
    /// Looked through, not yet read by the caller, from `taken` on.
    ready: Vec<u8>,
    taken: usize,
}

impl<T: AsyncRead + Unpin> AuthorityShim<T> {
    pub fn new(inner: T) -> AuthorityShim<T> {
        AuthorityShim {
            inner,
            filter: Filter::default(),
            ready: Vec::new(),
            taken: 0,
        }
    }

    /// Waits for the client to say something; false if it closes instead.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn first_bytes(&mut self) -> io::Result<bool> {
        let mut bytes = [0; FIRST_BYTES];
        while self.ready.is_empty() {
            let read = self.inner.read(&mut bytes).await?;
            if read == 0 {
                return Ok(false);
            }
            self.filter.pass(&bytes[..read], &mut self.ready);
        }
        Ok(true)
    }

    fn take_ready(&mut self, buf: &mut ReadBuf<'_>) {
        let rest = &self.ready[self.taken..];
        let taken = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..taken]);
        self.taken += taken;
        if self.taken == self.ready.len() {
            (self.ready, self.taken) = (Vec::new(), 0);
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for AuthorityShim<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.taken < this.ready.len() {
                this.take_ready(buf);
                return Poll::Ready(Ok(()));
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
            let read = &buf.filled()[before..];
            if read.is_empty() || this.filter.passes_whole(read) {
                return Poll::Ready(Ok(()));
            }
            this.filter.pass(read, &mut this.ready);
            buf.set_filled(before);
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for AuthorityShim<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

/// Walks the frames of one direction.
struct Filter {
    place: Place,
    /// The start of what can't be judged before more is there; less than one frame.
    held: Vec<u8>,
}

impl Default for Filter {
    fn default() -> Self {
        Filter {
            place: Place::Preface,
            held: Vec::new(),
        }
    }
}

impl Filter {
    /// Whether the bytes may pass as they are; if so they count as passed.
    fn passes_whole(&mut self, bytes: &[u8]) -> bool {
        if self.place == Place::Foreign {
            return true;
        }
        if !self.held.is_empty() {
            return false;
        }
        let (mut place, mut at) = (self.place, 0);
        while at < bytes.len() {
            match step(place, &bytes[at..]) {
                Step::Pass { bytes, next } => (at, place) = (at + bytes, next),
                Step::Rewrite { .. } | Step::NeedMore => return false,
            }
        }
        self.place = place;
        true
    }

    /// Passes the bytes on, rewritten where need be, but for an incomplete end, which is held.
    fn pass(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.held.extend_from_slice(bytes);
        let held = std::mem::take(&mut self.held);
        let mut at = 0;
        while at < held.len() {
            match step(self.place, &held[at..]) {
                Step::Pass { bytes, next } => {
                    out.extend_from_slice(&held[at..at + bytes]);
                    (at, self.place) = (at + bytes, next);
                }
                Step::Rewrite { bytes, frame } => {
                    out.extend_from_slice(&frame);
                    (at, self.place) = (at + bytes, Place::FrameHead);
                }
                Step::NeedMore => break,
            }
        }
        self.held = held[at..].to_vec();
    }
}

enum Step {
    /// That many bytes pass, then comes the next place.
    Pass {
        bytes: usize,
        next: Place,
    },
    /// That many bytes are replaced by a frame.
    Rewrite {
        bytes: usize,
        frame: Vec<u8>,
    },
    NeedMore,
}

fn step(place: Place, bytes: &[u8]) -> Step {
    match place {
        Place::Foreign => Step::Pass {
            bytes: bytes.len(),
            next: Place::Foreign,
        },
        Place::Preface => preface(bytes),
        Place::Payload(left) => {
            let passed = left.min(bytes.len());
            let next = match left - passed {
                0 => Place::FrameHead,
                left => Place::Payload(left),
            };
            Step::Pass {
                bytes: passed,
                next,
            }
        }
        Place::FrameHead => frame(bytes),
    }
}

fn preface(bytes: &[u8]) -> Step {
    if bytes.starts_with(PREFACE) {
        return Step::Pass {
            bytes: PREFACE.len(),
            next: Place::FrameHead,
        };
    }
    if PREFACE.starts_with(bytes) {
        return Step::NeedMore;
    }
    Step::Pass {
        bytes: bytes.len(),
        next: Place::Foreign,
    }
}

fn frame(bytes: &[u8]) -> Step {
    let Some((head, rest)) = bytes.split_first_chunk::<FRAME_HEAD_BYTES>() else {
        return Step::NeedMore;
    };
    let len = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    let is_headers = head[3] == HEADERS && len <= FRAME_BYTES_MAX;
    if !is_headers {
        let next = match len {
            0 => Place::FrameHead,
            len => Place::Payload(len),
        };
        return Step::Pass {
            bytes: FRAME_HEAD_BYTES,
            next,
        };
    }
    let Some(payload) = rest.get(..len) else {
        return Step::NeedMore;
    };
    let whole = FRAME_HEAD_BYTES + len;
    match harmless(head, payload) {
        Some(frame) => Step::Rewrite {
            bytes: whole,
            frame,
        },
        None => Step::Pass {
            bytes: whole,
            next: Place::FrameHead,
        },
    }
}

/// The HEADERS frame with a harmless authority; None if it has no harmful one.
fn harmless(head: &[u8; FRAME_HEAD_BYTES], payload: &[u8]) -> Option<Vec<u8>> {
    let flags = head[4];
    let (mut start, mut end) = (0, payload.len());
    if flags & PADDED != 0 {
        end = end.checked_sub(usize::from(*payload.first()?))?;
        start += 1;
    }
    if flags & PRIORITY != 0 {
        start += 5;
    }
    let literal = hpack::find_authority(payload.get(start..end)?)?;
    if literal.value.is_empty() || Authority::try_from(literal.value.as_slice()).is_ok() {
        return None;
    }
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let dashed = literal
        .value
        .iter()
        .map(|&byte| if is_kept(byte) { byte } else { b'-' });
    let dashed: Vec<u8> = dashed.collect();
    let mut frame = head.to_vec();
    frame.extend_from_slice(&payload[..start + literal.start]);
    hpack::plain_string(&dashed, &mut frame);
    frame.extend_from_slice(&payload[start + literal.end..]);
    let len = frame.len() - FRAME_HEAD_BYTES;
    if len > FRAME_BYTES_MAX {
        return None;
    }
    frame[..3].copy_from_slice(&(len as u32).to_be_bytes()[1..]);
    Some(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame_of(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend_from_slice(&[kind, flags, 0, 0, 0, 1]);
        frame.extend_from_slice(payload);
        frame
    }

    fn headers(authority: &[u8]) -> Vec<u8> {
        let mut block = vec![0x83, 0x86, 0x41];
        hpack::plain_string(authority, &mut block);
        block.extend_from_slice(&[0x40, 1, b'a', 1, b'b']);
        frame_of(HEADERS, 4, &block)
    }

    fn stream(authority: &[u8]) -> Vec<u8> {
        let mut bytes = PREFACE.to_vec();
        bytes.extend(frame_of(4, 0, &[]));
        bytes.extend(headers(authority));
        bytes.extend(frame_of(0, 1, b"body"));
        bytes
    }

    /// Reads the stream through a shim whose input comes in pieces of a size.
    async fn read_through(input: &[u8], piece: usize) -> Vec<u8> {
        let mut mock = tokio_test_io(input, piece);
        let mut shim = AuthorityShim::new(&mut mock);
        let mut out = Vec::new();
        shim.read_to_end(&mut out).await.expect("read");
        out
    }

    /// A reader of pieces.
    struct Pieces<'a> {
        rest: &'a [u8],
        piece: usize,
    }

    fn tokio_test_io(rest: &[u8], piece: usize) -> Pieces<'_> {
        Pieces { rest, piece }
    }

    impl AsyncRead for Pieces<'_> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let n = self.piece.min(self.rest.len()).min(buf.remaining());
            let (now, later) = self.rest.split_at(n);
            buf.put_slice(now);
            self.rest = later;
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn an_odd_authority_is_made_harmless_however_it_is_cut() {
        let odd = stream(b"#initially=[127.0.0.1:2379]");
        let harmless = stream(b"-initially--127.0.0.1-2379-");
        for piece in 1..odd.len() + 1 {
            assert_eq!(
                read_through(&odd, piece).await,
                harmless,
                "pieces of {piece}"
            );
        }
    }

    #[tokio::test]
    async fn good_authorities_and_other_protocols_pass_untouched() {
        for input in [
            stream(b"127.0.0.1:2379"),
            stream(b"[::1]:2379"),
            b"GET /health HTTP/1.1\r\nhost: #x\r\n\r\n".to_vec(),
            b"PRI * HTTP/1.1\r\n\r\n".to_vec(),
        ] {
            for piece in [1, 7, input.len()] {
                assert_eq!(read_through(&input, piece).await, input);
            }
        }
    }

    #[tokio::test]
    async fn a_padded_frame_with_priority_is_read_right() {
        let mut payload = vec![3, 0, 0, 0, 0, 9, 0x41];
        hpack::plain_string(b"/tmp/x.sock", &mut payload);
        payload.extend_from_slice(&[0; 3]);
        let mut input = PREFACE.to_vec();
        input.extend(frame_of(HEADERS, 4 | PADDED | PRIORITY, &payload));
        let out = read_through(&input, 64).await;
        assert_eq!(out.len(), input.len());
        assert!(String::from_utf8_lossy(&out).contains("-tmp-x.sock"));
    }
}
