//! One record: an 80-byte header and a payload, both under one checksum.
//!
//! Little endian. The checksum also covers the record's offset in its file, which is not stored:
//! a right record at a wrong place is not valid. Likewise identity, epoch and group are stored and
//! compared, so that stale bytes of a recycled file, or another member's, never validate.
//!
//! ```text
//!  0 checksum u32   crc32c over: offset u64, bytes 4..80, payload, padding
//!  4 length u32     payload bytes, without the padding
//!  8 version u8     1
//!  9 kind u8        see `Kind`
//! 10 flags u8       bit 0: last record of its group
//! 11 zero [5]
//! 16 cluster u64   24 member u64   32 incarnation u64
//! 40 epoch u64      the segment's number
//! 48 group u64      the flush group's number; 0 in a segment's header record
//! 56 index u64     64 term u64     72 leader u64
//! 80 payload, padded with zeros to a multiple of 8
//! ```

use bytes::Bytes;

/// Bytes of a record's header.
pub(super) const HEADER_BYTES: usize = 80;
/// Records begin at multiples of this.
pub(super) const RECORD_ALIGN: usize = 8;
/// The format that this code writes and reads.
pub(super) const FORMAT_VERSION: u8 = 1;
/// No payload is larger: lengths must fit the format's 32 bits with room to spare.
pub(super) const PAYLOAD_BYTES_MAX: usize = 1 << 30;

const FLAG_LAST: u8 = 1;

/// Whose log it is. All three must match, or the log is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster's id.
    pub cluster: u64,
    /// The member's id in it.
    pub member: u64,
    /// Drawn at random when the data directory was made.
    pub incarnation: u64,
}

/// Where an entry stands in the replicated log, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Index in the log.
    pub index: u64,
    /// Term of the leader that made the entry.
    pub term: u64,
    /// That leader's member id.
    pub leader: u64,
}

/// One entry of the replicated log. The payload is opaque here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Index in the log; one more than the entry before.
    pub index: u64,
    /// Term of the leader that made the entry.
    pub term: u64,
    /// That leader's member id.
    pub leader: u64,
    /// The entry's bytes, shared from the socket to the disk.
    pub payload: Bytes,
}

impl Record {
    /// Index, term and leader, without the payload.
    pub fn position(&self) -> Position {
        Position {
            index: self.index,
            term: self.term,
            leader: self.leader,
        }
    }
}

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Opens a segment file; written before the file gets its name.
    Segment = 1,
    /// Where the log stood before this group, and its state.
    Checkpoint = 2,
    /// An entry.
    Entry = 3,
    /// The vote, whole.
    Vote = 4,
    /// Entries after `index` are void.
    Truncate = 5,
    /// Entries up to `index` are no longer needed.
    Purge = 6,
    /// A hint how far entries were committed.
    Committed = 7,
    /// Nothing; proves that the groups before were synced.
    Seal = 8,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        let all = [
            Self::Segment,
            Self::Checkpoint,
            Self::Entry,
            Self::Vote,
            Self::Truncate,
            Self::Purge,
            Self::Committed,
            Self::Seal,
        ];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A record's header, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) last: bool,
    pub(super) length: usize,
    pub(super) identity: Identity,
    pub(super) epoch: u64,
    pub(super) group: u64,
    pub(super) position: Position,
}

/// Bytes that a record with this payload takes in its file.
pub(super) fn record_bytes(payload: usize) -> usize {
    (HEADER_BYTES + payload).next_multiple_of(RECORD_ALIGN)
}

/// Appends a record to `buffer`. `offset` is where its first byte will be in the file.
pub(super) fn encode(buffer: &mut Vec<u8>, offset: u64, header: &Header, payload: &[u8]) {
    let start = buffer.len();
    let length = u32::try_from(payload.len()).expect("payloads were limited before");
    let mut head = [0_u8; HEADER_BYTES];
    head[4..8].copy_from_slice(&length.to_le_bytes());
    head[8] = FORMAT_VERSION;
    head[9] = header.kind as u8;
    head[10] = if header.last { FLAG_LAST } else { 0 };
    let words = [
        header.identity.cluster,
        header.identity.member,
        header.identity.incarnation,
        header.epoch,
        header.group,
        header.position.index,
        header.position.term,
        header.position.leader,
    ];
    for (slot, word) in head[16..].chunks_exact_mut(8).zip(words) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    buffer.extend_from_slice(&head);
    buffer.extend_from_slice(payload);
    buffer.resize(start + record_bytes(payload.len()), 0);
    write_checksum(&mut buffer[start..], offset);
}

/// Marks an encoded record as its group's last.
pub(super) fn mark_last(record: &mut [u8], offset: u64) {
    record[10] |= FLAG_LAST;
    write_checksum(record, offset);
}

fn write_checksum(record: &mut [u8], offset: u64) {
    let checksum = checksum(record, offset);
    record[..4].copy_from_slice(&checksum.to_le_bytes());
}

/// The checksum of a record at `offset`, or of its first bytes.
pub(super) fn checksum(record: &[u8], offset: u64) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&offset.to_le_bytes()), &record[4..])
}

/// The payload length that a header claims. Nothing is verified yet.
pub(super) fn claimed_length(head: &[u8]) -> usize {
    u32_at(head, 4) as usize
}

/// The checksum that a header claims.
pub(super) fn claimed_checksum(head: &[u8]) -> u32 {
    u32_at(head, 0)
}

/// True if a header claims to be this log's, of this epoch and no lower group. Nothing is
/// verified yet.
pub(super) fn claims(head: &[u8], identity: Identity, epoch: u64, group: u64) -> bool {
    u64_at(head, 40) == epoch && u64_at(head, 48) >= group && claimed_identity(head) == identity
}

fn claimed_identity(head: &[u8]) -> Identity {
    Identity {
        cluster: u64_at(head, 16),
        member: u64_at(head, 24),
        incarnation: u64_at(head, 32),
    }
}

/// The format version that a header claims.
pub(super) fn claimed_version(head: &[u8]) -> u8 {
    head[8]
}

/// True if the bytes are as written at `offset`, by whatever version: the checksum's place and
/// reach are the same in every format.
pub(super) fn is_sound(record: &[u8], offset: u64) -> bool {
    claimed_checksum(record) == checksum(record, offset)
}

/// Verifies a whole record (header, payload and padding) read at `offset`; none if it is not one.
pub(super) fn decode(record: &[u8], offset: u64) -> Option<Header> {
    if !is_sound(record, offset) {
        return None;
    }
    header(record)
}

/// What the header of a sound record says; none if it is of another version.
pub(super) fn header(head: &[u8]) -> Option<Header> {
    if claimed_version(head) != FORMAT_VERSION {
        return None;
    }
    Some(Header {
        kind: Kind::from_byte(head[9])?,
        last: head[10] & FLAG_LAST != 0,
        length: claimed_length(head),
        identity: claimed_identity(head),
        epoch: u64_at(head, 40),
        group: u64_at(head, 48),
        position: Position {
            index: u64_at(head, 56),
            term: u64_at(head, 64),
            leader: u64_at(head, 72),
        },
    })
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No bytes make it panic or read beyond them, wherever they are said to lie. Behind a checksum
    /// that is right, which no chance finds, what a record says is what is written.
    #[test]
    fn fuzz_records() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let Some((offset, bytes)) = bytes.split_first_chunk() else {
                return;
            };
            let offset = u64::from_le_bytes(*offset);
            if bytes.len() < HEADER_BYTES {
                return;
            }
            // As a reader does: what the header claims is looked at if it is there.
            if let Some(record) = bytes.get(..record_bytes(claimed_length(bytes))) {
                decode(record, offset);
            }
            let payload = &bytes[HEADER_BYTES..];
            let mut record = bytes.to_vec();
            record.resize(record_bytes(payload.len()), 0);
            record[4..8].copy_from_slice(&(payload.len() as u32).to_le_bytes());
            write_checksum(&mut record, offset);
            let Some(header) = decode(&record, offset) else {
                return;
            };
            let mut again = Vec::new();
            encode(&mut again, offset, &header, payload);
            assert_eq!(again.len(), record.len());
            assert_eq!(decode(&again, offset), Some(header));
        });
    }

    /// The format, byte by byte: a change here is a new format version.
    #[test]
    fn golden_bytes() {
        let identity = Identity {
            cluster: 1,
            member: 2,
            incarnation: 3,
        };
        let position = Position {
            index: 6,
            term: 7,
            leader: 8,
        };
        let header = Header {
            kind: Kind::Entry,
            last: false,
            length: 3,
            identity,
            epoch: 4,
            group: 5,
            position,
        };
        let mut bytes = Vec::new();
        encode(&mut bytes, 4096, &header, b"abc");
        mark_last(&mut bytes, 4096);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let expected = concat!(
            "68fb2cec",
            "03000000",
            "01030100",
            "00000000",
            "0100000000000000",
            "0200000000000000",
            "0300000000000000",
            "0400000000000000",
            "0500000000000000",
            "0600000000000000",
            "0700000000000000",
            "0800000000000000",
            "6162630000000000",
        );
        assert_eq!(hex, expected);
        assert_eq!(
            decode(&bytes, 4096),
            Some(Header {
                last: true,
                ..header
            })
        );
        assert_eq!(
            decode(&bytes, 8192),
            None,
            "a record at a wrong place is not valid"
        );
    }
}
