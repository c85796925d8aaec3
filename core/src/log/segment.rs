//! A segment file: its name, its header block, and a buffered reader of its records.
//!
//! A file gets its segment name only after its header was synced, so a segment without a valid
//! header is damaged, never half made.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::{Corruption, LogError};
use super::record::{self, FORMAT_VERSION, HEADER_BYTES, Header, Identity, Kind, Position};
use crate::disk::{Disk, DiskFile};

const SUFFIX: &str = ".wal";
const MAGIC: &[u8] = b"quorate write-ahead log\n";
/// What a reader fetches at once, at least.
const WINDOW_BYTES: usize = 256 * 1024;

/// An open segment.
pub(super) struct Segment {
    pub(super) epoch: u64,
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn DiskFile>,
    /// Length of the file. A group that doesn't fit goes to the next segment; one that is larger
    /// than any makes its file grow.
    bytes: AtomicU64,
    /// Groups begin at multiples of this; the first one right after the header block.
    pub(super) align: u64,
}

/// The file name of a segment.
pub(super) fn file_name(epoch: u64) -> String {
    format!("{epoch:016x}{SUFFIX}")
}

/// The epoch in a segment's file name.
pub(super) fn epoch_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let epoch = u64::from_str_radix(digits, 16).ok()?;
    (file_name(epoch) == name).then_some(epoch)
}

/// A segment's header block, `align` bytes. It says how long the file was made, so that one that
/// was cut short shows.
pub(super) fn header_block(identity: Identity, epoch: u64, align: u64, made: u64) -> Vec<u8> {
    let header = Header {
        kind: Kind::Segment,
        last: true,
        length: 0,
        identity,
        epoch,
        group: 0,
        position: Position {
            index: 0,
            term: 0,
            leader: 0,
        },
    };
    let mut payload = MAGIC.to_vec();
    payload.extend_from_slice(&align.to_le_bytes());
    payload.extend_from_slice(&made.to_le_bytes());
    let mut block = Vec::new();
    record::encode(&mut block, 0, &header, &payload);
    block.resize(usize::try_from(align).expect("an alignment is small"), 0);
    block
}

impl Segment {
    /// A segment whose header was just written.
    pub(super) fn made(
        epoch: u64,
        path: PathBuf,
        file: Arc<dyn DiskFile>,
        bytes: u64,
        align: u64,
    ) -> Self {
        Self {
            epoch,
            path,
            file,
            bytes: AtomicU64::new(bytes),
            align,
        }
    }

    /// Length of the file.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// A write reached `end`.
    pub(super) fn grow(&self, end: u64) {
        self.bytes.fetch_max(end, Ordering::Relaxed);
    }

    /// Opens `{epoch}.wal` and verifies its header.
    pub(super) fn open(
        disk: &dyn Disk,
        dir: &Path,
        identity: Identity,
        epoch: u64,
    ) -> Result<Self, LogError> {
        let path = dir.join(file_name(epoch));
        let file = disk.open(&path).map_err(LogError::io("open", &path))?;
        let bytes = file.len().map_err(LogError::io("measure", &path))?;
        let mut segment = Self {
            epoch,
            path,
            file,
            bytes: AtomicU64::new(bytes),
            align: 0,
        };
        segment.align = segment.verify_header(identity)?;
        Ok(segment)
    }

    fn verify_header(&self, identity: Identity) -> Result<u64, LogError> {
        let mut reader = Reader::new(self);
        let header = reader.record(0).map_err(LogError::io("read", &self.path))?;
        let Some(header) = header.filter(|header| header.kind == Kind::Segment) else {
            let version = reader
                .other_version()
                .map_err(LogError::io("read", &self.path))?;
            let path = self.path.clone();
            return Err(match version {
                Some(version) => LogError::Format { path, version },
                None => self.bad_header(),
            });
        };
        if header.identity != identity {
            let (path, found) = (self.path.clone(), header.identity);
            return Err(LogError::Foreign {
                path,
                found,
                expected: identity,
            });
        }
        if header.epoch != self.epoch {
            let (path, found) = (self.path.clone(), header.epoch);
            return Err(LogError::Misplaced {
                path,
                found,
                expected: self.epoch,
            });
        }
        let payload = reader
            .payload(0, &header)
            .map_err(LogError::io("read", &self.path))?;
        let numbers = payload.strip_prefix(MAGIC).filter(|rest| rest.len() == 16);
        let (align, made) = numbers
            .map(|rest| (record::u64_at(rest, 0), record::u64_at(rest, 8)))
            .ok_or_else(|| self.bad_header())?;
        if self.bytes() < made {
            return Err(self.cut_short(made));
        }
        let used = record::record_bytes(header.length) as u64;
        match reader
            .is_zero(used, align)
            .map_err(LogError::io("read", &self.path))?
        {
            true => Ok(align),
            false => Err(self.bad_header()),
        }
    }

    /// The first index lost is not known here; the replay, which knows it, fills it in.
    fn bad_header(&self) -> LogError {
        LogError::Corrupt(Corruption {
            path: self.path.clone(),
            offset: 0,
            first_index_lost: 0,
            detail: "the segment's header is not valid".into(),
        })
    }

    /// A file is made, filled and synced at its full length before it gets its name, and only ever
    /// grows: a shorter one has lost what stood there, synced records perhaps.
    fn cut_short(&self, made: u64) -> LogError {
        LogError::Corrupt(Corruption {
            path: self.path.clone(),
            offset: self.bytes(),
            first_index_lost: 0,
            detail: format!("the file ends here, and was made {made} bytes long"),
        })
    }

    /// Where the group after a record that ends at `end` begins.
    pub(super) fn aligned(&self, end: u64) -> u64 {
        end.next_multiple_of(self.align)
    }
}

/// Reads a segment through a window, so that neither a start nor a read loads a whole file.
pub(super) struct Reader<'a> {
    segment: &'a Segment,
    window: Vec<u8>,
    start: u64,
    minimum: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(segment: &'a Segment) -> Self {
        Self {
            segment,
            window: Vec::new(),
            start: 0,
            minimum: WINDOW_BYTES,
        }
    }

    pub(super) fn segment(&self) -> &'a Segment {
        self.segment
    }

    /// `length` bytes at `offset`; none if the file ends before.
    pub(super) fn peek(&mut self, offset: u64, length: usize) -> io::Result<Option<&[u8]>> {
        let have = self.start..self.start + self.window.len() as u64;
        if offset < have.start || offset + length as u64 > have.end {
            let left = self.segment.bytes().saturating_sub(offset);
            if left < length as u64 {
                return Ok(None);
            }
            let size = left.min(length.max(self.minimum) as u64);
            self.window
                .resize(usize::try_from(size).expect("a window is small"), 0);
            self.start = offset;
            let read = self.segment.file.read_at(&mut self.window, offset)?;
            self.window.truncate(read);
        }
        let at = usize::try_from(offset - self.start).expect("inside the window");
        Ok(self.window.get(at..at + length))
    }

    /// What is in the window from `offset` on, at least `length` bytes; none at the file's end.
    pub(super) fn rest(&mut self, offset: u64, length: usize) -> io::Result<Option<&[u8]>> {
        if self.peek(offset, length)?.is_none() {
            return Ok(None);
        }
        let at = usize::try_from(offset - self.start).expect("inside the window");
        Ok(Some(&self.window[at..]))
    }

    /// The valid record at `offset`, whosever it is; none if there is none.
    pub(super) fn record(&mut self, offset: u64) -> io::Result<Option<Header>> {
        let Some(head) = self.peek(offset, HEADER_BYTES)? else {
            return Ok(None);
        };
        let length = record::record_bytes(record::claimed_length(head));
        let bytes = self.peek(offset, length)?;
        Ok(bytes.and_then(|bytes| record::decode(bytes, offset)))
    }

    /// The version of a sound first record that this program can't read.
    fn other_version(&mut self) -> io::Result<Option<u8>> {
        let Some(head) = self.peek(0, HEADER_BYTES)? else {
            return Ok(None);
        };
        let version = record::claimed_version(head);
        let length = record::record_bytes(record::claimed_length(head));
        let sound = self
            .peek(0, length)?
            .is_some_and(|bytes| record::is_sound(bytes, 0));
        Ok((sound && version != FORMAT_VERSION).then_some(version))
    }

    /// The valid record of this segment at `offset`; none if there is none.
    pub(super) fn own_record(
        &mut self,
        offset: u64,
        identity: Identity,
    ) -> io::Result<Option<Header>> {
        let epoch = self.segment.epoch;
        let own = |header: &Header| header.identity == identity && header.epoch == epoch;
        Ok(self.record(offset)?.filter(own))
    }

    /// The payload of a record that was just verified.
    pub(super) fn payload(&mut self, offset: u64, header: &Header) -> io::Result<&[u8]> {
        let payload = self.peek(offset + HEADER_BYTES as u64, header.length)?;
        payload.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// True if all bytes from `from` to `to` are zero. Bytes past the file's end are not.
    pub(super) fn is_zero(&mut self, from: u64, to: u64) -> io::Result<bool> {
        let length = usize::try_from(to - from).expect("padding is small");
        let bytes = self.peek(from, length)?;
        Ok(bytes.is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0)))
    }
}
