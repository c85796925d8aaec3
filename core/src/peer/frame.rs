//! Frames between members.
//!
//! ```text
//! length u32 | crc32c u32 | request id u64 | kind u8 | payload
//! ```
//!
//! `length` counts what follows the checksum, which covers the same bytes. A frame that does not
//! match closes the connection; it is never applied.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::limits::CENSUS_BYTES_MAX;

/// Longest frame.
pub(crate) const FRAME_BYTES_MAX: usize = 32 << 20;
const _: () = assert!(
    2 * CENSUS_BYTES_MAX <= FRAME_BYTES_MAX,
    "a census fits into a frame, with its last name"
);
/// Bytes there is room for at each read.
const READ_BYTES: usize = 64 << 10;
/// A payload so small is copied out of the buffer: it would keep all that came with it.
const COPIED_BYTES_MAX: usize = READ_BYTES / 4;
const HEADER_BYTES: usize = 8;
const PREFIX_BYTES: usize = 9;

/// What a request asks for; its answer has the same kind, but for a beat, which is an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Append = 1,
    Vote = 2,
    PreVote = 3,
    TransferLeader = 4,
    Snapshot = 5,
    Forward = 6,
    Barrier = 7,
    Publish = 8,
    Beat = 9,
    /// Says nothing, but is heard: the calling side sends them, the answering side sends them back,
    /// and by itself while a long frame comes in.
    Alive = 10,
    Census = 11,
}

impl Kind {
    fn from_u8(byte: u8) -> Option<Kind> {
        Some(match byte {
            1 => Kind::Append,
            2 => Kind::Vote,
            3 => Kind::PreVote,
            4 => Kind::TransferLeader,
            5 => Kind::Snapshot,
            6 => Kind::Forward,
            7 => Kind::Barrier,
            8 => Kind::Publish,
            9 => Kind::Beat,
            10 => Kind::Alive,
            11 => Kind::Census,
            _ => return None,
        })
    }
}

#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) payload: Bytes,
}

impl Frame {
    /// Appends the frame to what is about to be written.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_BYTES]);
        out.extend_from_slice(&self.id.to_le_bytes());
        out.push(self.kind as u8);
        out.extend_from_slice(&self.payload);
        seal(&mut out[start..]);
    }
}

/// Writes length and checksum of what follows them.
fn seal(frame: &mut [u8]) {
    let (header, body) = frame.split_at_mut(HEADER_BYTES);
    header[..4].copy_from_slice(&(body.len() as u32).to_le_bytes());
    header[4..].copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
}

/// Frames as they come in. The buffer grows with received bytes only.
pub(super) struct FrameReader<R> {
    input: R,
    buffer: BytesMut,
    received: u64,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(super) fn new(input: R) -> FrameReader<R> {
        FrameReader {
            input,
            buffer: BytesMut::with_capacity(READ_BYTES),
            received: 0,
        }
    }

    /// Bytes that have come in, of whole frames or not.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The length that the frame which comes in says it has, if its head is here.
    pub(super) fn announced(&self) -> Option<usize> {
        let length = self.buffer.first_chunk()?;
        Some(u32::from_le_bytes(*length) as usize)
    }

    /// The next frame, or none if some bytes came in but it is not whole. Can be dropped at any
    /// time: nothing that came in is lost.
    ///
    /// # Errors
    /// `InvalidData` for a frame that is damaged, too long or of an unknown kind; `UnexpectedEof`
    /// at the end, wherever it comes.
    pub(super) async fn next(&mut self) -> io::Result<Option<Frame>> {
        if let Some(frame) = parse(&mut self.buffer)? {
            return Ok(Some(frame));
        }
        self.buffer.reserve(READ_BYTES);
        match self.input.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.received += read as u64;
                parse(&mut self.buffer)
            }
        }
    }
}

fn parse(buffer: &mut BytesMut) -> io::Result<Option<Frame>> {
    if buffer.len() < HEADER_BYTES {
        return Ok(None);
    }
    let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| buffer[at + i]));
    let (length, checksum) = (word(0) as usize, word(4));
    if !(PREFIX_BYTES..=FRAME_BYTES_MAX).contains(&length) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "peer frame of a wrong length",
        ));
    }
    if buffer.len() < HEADER_BYTES + length {
        return Ok(None);
    }
    buffer.advance(HEADER_BYTES);
    let mut body = buffer.split_to(length).freeze();
    if crc32c::crc32c(&body) != checksum {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "peer frame is damaged",
        ));
    }
    let id = body.get_u64_le();
    let kind = Kind::from_u8(body.get_u8())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "peer frame of unknown kind"))?;
    let payload = match body.len() <= COPIED_BYTES_MAX {
        true => Bytes::copy_from_slice(&body),
        false => body,
    };
    Ok(Some(Frame { id, kind, payload }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_survives_the_wire_and_any_flipped_bit_is_found() {
        let mut bytes = Vec::new();
        Frame {
            id: 7,
            kind: Kind::Vote,
            payload: Bytes::from_static(b"hello"),
        }
        .encode(&mut bytes);
        let mut buffer = BytesMut::from(&bytes[..]);
        let frame = parse(&mut buffer).expect("valid").expect("whole");
        assert_eq!(
            (frame.id, frame.kind, &frame.payload[..]),
            (7, Kind::Vote, &b"hello"[..])
        );
        for bit in 32..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let result = parse(&mut BytesMut::from(&damaged[..]));
            assert!(result.is_err(), "bit {bit} was not noticed");
        }
    }

    /// Whatever comes is a frame, not whole yet, or refused; and a frame is what was sent.
    #[test]
    fn fuzz_frames() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let mut buffer = BytesMut::from(bytes);
            while let Ok(Some(frame)) = parse(&mut buffer) {
                let taken = &bytes[..bytes.len() - buffer.len()];
                let mut encoded = Vec::new();
                frame.encode(&mut encoded);
                assert!(taken.ends_with(&encoded));
            }
        });
    }

    /// The same behind a checksum that is right, which no chance finds.
    #[test]
    fn fuzz_sealed_frames() {
        bolero::check!().for_each(|body: &[u8]| {
            let mut sealed = vec![0; HEADER_BYTES];
            sealed.extend_from_slice(body);
            seal(&mut sealed);
            let kind = body.get(PREFIX_BYTES - 1);
            let is_known = kind.is_some_and(|kind| Kind::from_u8(*kind).is_some());
            let parsed = parse(&mut BytesMut::from(&sealed[..]));
            assert_eq!(parsed.is_ok(), is_known);
            if let Ok(frame) = parsed {
                let mut encoded = Vec::new();
                frame.expect("it is whole").encode(&mut encoded);
                assert_eq!(encoded, sealed);
            }
        });
    }
}
