//! A snapshot on its way out: the rows of one transaction as a stream of checked chunks.
//!
//! ```text
//! chunk   crc32c of the rest (le32) · sequence from 0 (le64) · kind · payload
//! header  kind 0: Header: format, cluster, position, revision
//! rows    kind 1: a piece of the stream of (table, key, row); rows may span chunks
//! end     kind 2: End: rows, their bytes and the crc32c of the whole stream
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{BufMut, Bytes};
use redb::OwnedRange;

use super::change::Position;
use super::error::VersionsError;
use super::guarded::or_damaged;
use super::schema::{self, TABLES};
use super::shared::Shared;
use super::source::SnapshotSource;
use crate::codec::{Wire, wire_struct};
use crate::types::{ClusterId, Revision};

/// No chunk is larger.
pub const CHUNK_BYTES_MAX: usize = 256 * 1024;
pub(super) const CHUNK_HEAD_BYTES: usize = 4 + 8 + 1;
pub(super) const KIND_HEADER: u8 = 0;
pub(super) const KIND_ROWS: u8 = 1;
pub(super) const KIND_END: u8 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub cluster: ClusterId,
    pub position: Position,
    pub revision: Revision,
}

wire_struct!(Header {
    cluster,
    position,
    revision
});

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct End {
    pub rows: u64,
    pub bytes: u64,
    pub crc32c: u32,
}

wire_struct!(End {
    rows,
    bytes,
    crc32c
});

type Range = OwnedRange<&'static [u8], &'static [u8]>;

/// An iterator of chunks; holds one chunk of memory and a read transaction. It fails if the store
/// is replaced or reopened meanwhile; the snapshot is then begun anew.
pub struct SnapshotReader {
    shared: Arc<Shared>,
    source: SnapshotSource,
    tables: VecDeque<(u8, Range)>,
    /// Bytes of the stream that are not in a chunk yet.
    stream: Vec<u8>,
    sent: usize,
    end: End,
    sequence: u64,
    is_ended: bool,
}

impl SnapshotReader {
    pub(super) fn new(
        source: SnapshotSource,
        shared: Arc<Shared>,
    ) -> Result<SnapshotReader, VersionsError> {
        let tables = or_damaged(|| {
            let mut tables = VecDeque::new();
            for (number, table) in (0..).zip(TABLES) {
                let table = source.transaction.open_table(table)?;
                tables.push_back((number, table.range_owned::<&[u8]>(..)?));
            }
            Ok::<_, VersionsError>(tables)
        })?;
        Ok(SnapshotReader {
            shared,
            source,
            tables,
            stream: Vec::new(),
            sent: 0,
            end: End::default(),
            sequence: 0,
            is_ended: false,
        })
    }

    /// The durable applied position it is a snapshot of.
    pub fn applied(&self) -> Position {
        self.source.head.position
    }

    pub fn revision(&self) -> Revision {
        self.source.head.revision
    }

    /// Raft's membership as of `applied`.
    pub fn membership(&self) -> Option<&Bytes> {
        self.source.membership.as_ref()
    }

    fn next_chunk(&mut self) -> Result<Bytes, VersionsError> {
        if self.sequence == 0 {
            let header = Header {
                cluster: self.source.head.cluster,
                position: self.applied(),
                revision: self.revision(),
            };
            return Ok(self.wire_chunk(KIND_HEADER, &header));
        }
        let payload_max = CHUNK_BYTES_MAX - CHUNK_HEAD_BYTES;
        while self.stream.len() - self.sent < payload_max && self.row()? {}
        let rest = self.stream.len() - self.sent;
        if rest == 0 {
            self.is_ended = true;
            let end = self.end;
            return Ok(self.wire_chunk(KIND_END, &end));
        }
        let payload = self.stream[self.sent..][..rest.min(payload_max)].to_vec();
        self.sent += payload.len();
        Ok(self.chunk(KIND_ROWS, &payload))
    }

    /// Appends one row to the stream; false at the end of all tables.
    fn row(&mut self) -> Result<bool, VersionsError> {
        if self.sent > 0 {
            self.stream.drain(..self.sent);
            self.sent = 0;
        }
        while let Some((number, range)) = self.tables.front_mut() {
            let number = *number;
            let Some(row) = range.next() else {
                self.tables.pop_front();
                continue;
            };
            let (key, value) = row?;
            let start = self.stream.len();
            self.stream.push(number);
            put_bytes(&mut self.stream, key.value());
            put_bytes(&mut self.stream, value.value());
            let row = &self.stream[start..];
            self.end.rows += 1;
            self.end.bytes += row.len() as u64;
            self.end.crc32c = crc32c::crc32c_append(self.end.crc32c, row);
            return Ok(true);
        }
        Ok(false)
    }

    fn wire_chunk<T: Wire>(&mut self, kind: u8, payload: &T) -> Bytes {
        let mut encoded = Vec::new();
        schema::encode(payload, &mut encoded);
        self.chunk(kind, &encoded)
    }

    fn chunk(&mut self, kind: u8, payload: &[u8]) -> Bytes {
        let mut chunk = Vec::with_capacity(CHUNK_HEAD_BYTES + payload.len());
        chunk.put_u32_le(0);
        chunk.put_u64_le(self.sequence);
        chunk.put_u8(kind);
        chunk.put_slice(payload);
        let crc = crc32c::crc32c(&chunk[4..]);
        chunk[..4].copy_from_slice(&crc.to_le_bytes());
        self.sequence += 1;
        chunk.into()
    }
}

impl Iterator for SnapshotReader {
    type Item = Result<Bytes, VersionsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_ended {
            return None;
        }
        let chunk = or_damaged(|| self.next_chunk());
        if let Err(error) = &chunk {
            self.shared.note_damage(error);
            self.is_ended = true;
        }
        Some(chunk)
    }
}

/// Length (le32), then the bytes.
fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).expect("the engine holds no row of 4 GiB");
    out.put_u32_le(len);
    out.put_slice(bytes);
}
