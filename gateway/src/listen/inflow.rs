//! What comes in over a connection: read only if there is room for it, and passed on in whole
//! frames and blocks of headers (`frames`), with odd authorities made harmless (`authority`).
//!
//! So what takes HTTP/2 apart has nothing half to keep, and reserves nothing for a length that is
//! only announced. What is not whole yet is kept here and counted. Frames that come whole, which
//! are nearly all, pass uncopied.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::authority::harmless;
use super::frames::{self, Front};
use super::load::Share;
use super::meter::Meter;

/// Room for the first bytes: every silent connection has it.
const FIRST_BYTES: usize = 256;

pub struct Inflow<T> {
    inner: T,
    filter: Filter,
    meter: Meter,
    /// Passed, not yet read by the caller, from `taken` on.
    ready: Vec<u8>,
    taken: usize,
}

impl<T: AsyncRead + Unpin> Inflow<T> {
    pub fn new(inner: T, share: &Share) -> Inflow<T> {
        Inflow {
            inner,
            filter: Filter::default(),
            meter: Meter::new(share),
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
            self.filter.gather(&bytes[..read], &mut self.ready);
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

    /// Bytes that are here and nobody's.
    fn kept(&self) -> usize {
        self.ready.capacity() + self.filter.kept()
    }

    /// Reads what there is room for to the end of `buf`; how much.
    fn poll_some(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        let kept = self.kept();
        let room = ready!(self.meter.poll_room(cx, kept));
        let before = buf.filled().len();
        let inner = Pin::new(&mut self.inner);
        let read = if room >= buf.remaining() {
            inner.poll_read(cx, buf)
        } else {
            let mut part = ReadBuf::new(buf.initialize_unfilled_to(room));
            let read = inner.poll_read(cx, &mut part);
            let bytes = part.filled().len();
            buf.advance(bytes);
            read
        };
        if read.is_pending() {
            self.meter.nothing_came(cx, kept);
        }
        read.map_ok(|()| buf.filled().len() - before)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Inflow<T> {
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
            let bytes = ready!(this.poll_some(cx, buf))?;
            let passed = this.filter.pass(&buf.filled()[before..], &mut this.ready);
            buf.set_filled(before + passed);
            let kept = this.kept();
            this.meter.came(bytes, kept);
            if passed > 0 || bytes == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Inflow<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.filter.answered();
        Pin::new(&mut this.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.filter.answered();
        Pin::new(&mut this.inner).poll_write_vectored(cx, bufs)
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

/// What the next incoming byte belongs to.
enum Place {
    Preface,
    Frame,
    /// Not HTTP/2: nothing is looked at any more. So many bytes came since the last answer.
    Foreign(usize),
}

/// Lets pass what is whole, of one direction.
struct Filter {
    place: Place,
    /// The start of what is not whole.
    held: Vec<u8>,
    /// As many bytes as must be held before it can be.
    needed: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Filter {
            place: Place::Preface,
            held: Vec::new(),
            needed: 0,
        }
    }
}

impl Filter {
    /// How many of the bytes that came pass as they are; what follows them is in `out`. The rest is
    /// held.
    fn pass(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        let passed = match self.held.is_empty() {
            true => self.passing(bytes),
            false => 0,
        };
        self.gather(&bytes[passed..], out);
        passed
    }

    /// Holds the bytes, and passes on in `out` what is whole by now.
    fn gather(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.held.extend_from_slice(bytes);
        while self.held.len() >= self.needed && !self.held.is_empty() {
            let held = std::mem::take(&mut self.held);
            let passed = self.passing(&held);
            if passed == held.len() && out.is_empty() {
                *out = held;
                return;
            }
            out.extend_from_slice(&held[..passed]);
            self.held = held;
            self.held.drain(..passed);
            if let Some((bytes, unit)) = changed(&self.held) {
                self.held.drain(..bytes);
                out.extend_from_slice(&unit);
            }
        }
    }

    /// How many bytes are in whole units that pass as they are, one after the other.
    fn passing(&mut self, bytes: &[u8]) -> usize {
        self.needed = 0;
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let front = match &mut self.place {
                Place::Preface => frames::preface(rest),
                Place::Frame if changed(rest).is_some() => break,
                Place::Frame => frames::unit(rest),
                Place::Foreign(came) => {
                    *came += rest.len();
                    return bytes.len();
                }
            };
            match front {
                Front::Whole(unit) => (at, self.place) = (at + unit, Place::Frame),
                Front::Needs(needed) => {
                    self.needed = needed;
                    break;
                }
                Front::Foreign => self.place = Place::Foreign(0),
            }
        }
        at
    }

    /// Something was said to the client: what came before is used up, where nothing is looked at.
    fn answered(&mut self) {
        if let Place::Foreign(came) = &mut self.place {
            *came = 0;
        }
    }

    fn kept(&self) -> usize {
        match self.place {
            Place::Foreign(came) => came,
            _ => self.held.capacity(),
        }
    }
}

/// The length of the block of headers at the front, if it must be changed, and what it becomes.
fn changed(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    match frames::unit(bytes) {
        Front::Whole(unit) if frames::is_headers(bytes) => Some((unit, harmless(&bytes[..unit])?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::frames::PREFACE;
    use super::super::hpack;
    use super::super::load::Load;
    use super::*;

    const HEADERS: u8 = 1;
    const PADDED: u8 = 0x8;
    const PRIORITY: u8 = 0x20;

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

    /// Reads the stream through one whose input comes in pieces of a size.
    async fn read_through(input: &[u8], piece: usize) -> Vec<u8> {
        let mut mock = tokio_test_io(input, piece);
        let share = Arc::<Load>::default().admit().expect("the first");
        let mut inflow = Inflow::new(&mut mock, &share);
        let mut out = Vec::new();
        inflow.read_to_end(&mut out).await.expect("read");
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
