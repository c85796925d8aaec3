//! Judges whether a record stands at any place of a segment's end, in a time that does not depend
//! on the length it claims.
//!
//! Behind the end of the log lies whatever was there before: bytes of values too, which a client
//! chose. If each place that looks like a header cost a checksum over the length that it claims,
//! some megabytes of chosen bytes would hold up a start for hours. So the checksum up to each place
//! is made once, and that of any run follows from those of its two ends.

use std::io;

use super::record::{self, HEADER_BYTES, Header, RECORD_ALIGN};
use super::segment::{Reader, Segment};

/// The checksums of a segment from a place on.
pub(super) struct Tail {
    from: u64,
    /// Of the bytes from `from` up to each multiple of [`RECORD_ALIGN`] behind it.
    sums: Vec<u32>,
}

impl Tail {
    /// Reads the segment from `from` (a multiple of [`RECORD_ALIGN`]) to its end. Half as many
    /// bytes are kept as are read.
    pub(super) fn read(segment: &Segment, from: u64) -> io::Result<Self> {
        let mut reader = Reader::new(segment);
        let (mut offset, mut sum) = (from, 0);
        let mut sums = vec![sum];
        while let Some(window) = reader.rest(offset, RECORD_ALIGN)? {
            for bytes in window.chunks_exact(RECORD_ALIGN) {
                sum = crc32c::crc32c_append(sum, bytes);
                sums.push(sum);
                offset += RECORD_ALIGN as u64;
            }
        }
        Ok(Self { from, sums })
    }

    /// The record at `offset`, which begins with `head`; none if there is none.
    pub(super) fn record(&self, head: &[u8; HEADER_BYTES], offset: u64) -> Option<Header> {
        let end = offset + record::record_bytes(record::claimed_length(head)) as u64;
        let rest = self.sum(offset + RECORD_ALIGN as u64, end)?;
        let length = usize::try_from(end - offset).ok()? - RECORD_ALIGN;
        let begin = record::checksum(&head[..RECORD_ALIGN], offset);
        let is_sound =
            record::claimed_checksum(head) == crc32c::crc32c_combine(begin, rest, length);
        is_sound.then(|| record::header(head)).flatten()
    }

    /// Of the bytes from `begin` to `end`; none if that is not in the segment.
    fn sum(&self, begin: u64, end: u64) -> Option<u32> {
        let upto = |place: u64| {
            let number = (place - self.from) / RECORD_ALIGN as u64;
            self.sums.get(usize::try_from(number).ok()?).copied()
        };
        let length = usize::try_from(end - begin).ok()?;
        // What the first part has added to the longer sum is taken out of it again.
        Some(crc32c::crc32c_combine(upto(begin)?, upto(end)?, length))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::disk::{Disk, SimDisk};
    use crate::log::record::{Identity, Kind, Position};

    const FROM: u64 = 512;

    fn head_at(bytes: &[u8], at: usize) -> Option<&[u8; HEADER_BYTES]> {
        bytes.get(at..)?.first_chunk()
    }

    /// Records within records, whole and damaged: at every place it says what a checksum over the
    /// whole record says.
    #[test]
    fn it_agrees_with_the_checksum_of_the_whole() {
        let header = |number: u64| Header {
            kind: Kind::Entry,
            last: number.is_multiple_of(2),
            length: 0,
            identity: Identity {
                cluster: 1,
                member: 2,
                incarnation: 3,
            },
            epoch: 1,
            group: number,
            position: Position {
                index: number,
                term: 1,
                leader: 2,
            },
        };
        let mut bytes = Vec::new();
        for number in 0..40_u64 {
            let offset = FROM + bytes.len() as u64;
            let mut inner = vec![0x5a; 16];
            record::encode(&mut inner, offset + 96, &header(number), b"within");
            let length = inner.len() - usize::try_from(number % 8).expect("small");
            record::encode(&mut bytes, offset, &header(number), &inner[..length]);
        }
        for damaged in (0..bytes.len()).step_by(1_009) {
            bytes[damaged] ^= 0x10;
        }
        let disk = SimDisk::new();
        let path = Path::new("segment");
        let file = disk.create(path).expect("a file");
        file.write_at(&bytes, FROM).expect("written");
        let end = FROM + bytes.len() as u64;
        let segment = Segment::made(1, path.to_path_buf(), file, end, FROM);
        let tail = Tail::read(&segment, FROM).expect("read");
        let mut found = 0;
        for at in (0..bytes.len()).step_by(RECORD_ALIGN) {
            let Some(head) = head_at(&bytes, at) else {
                break;
            };
            let length = record::record_bytes(record::claimed_length(head));
            let whole = bytes.get(at..at + length);
            let offset = FROM + at as u64;
            let expected = whole.and_then(|whole| record::decode(whole, offset));
            assert_eq!(tail.record(head, offset), expected, "at {at}");
            found += usize::from(expected.is_some());
        }
        assert!((20..80).contains(&found), "{found} of 80, some damaged");
    }
}
