//! Reads entries: recent ones from memory, older ones from their segments, verified again.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::append::Log;
use super::error::{Corruption, LogError};
use super::index::Found;
use super::record::{Header, Identity, Kind, Record};
use super::segment::{Reader, Segment};

/// Entries looked up under one lock.
const LOOKUPS_MAX: u64 = 256;

impl Log {
    /// Reads the entries of `range` that exist, in order, stopping once their payloads exceed
    /// `bytes_max`; at least one if any exists.
    ///
    /// # Errors
    /// `Purged` if the range begins before the first entry kept; `Io`, `Corrupt` from the disk.
    pub fn read(&self, range: Range<u64>, bytes_max: usize) -> Result<Vec<Record>, LogError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        let mut next = range.start;
        while next < range.end && bytes < bytes_max {
            let found = self.find(next..range.end)?;
            if found.is_empty() {
                break;
            }
            for record in Resolver::new(self.shared.identity, next, &found) {
                let record = record?;
                if !records.is_empty() && bytes + record.payload.len() > bytes_max {
                    return Ok(records);
                }
                bytes += record.payload.len();
                next = record.index + 1;
                records.push(record);
            }
        }
        Ok(records)
    }

    fn find(&self, range: Range<u64>) -> Result<Vec<Found>, LogError> {
        let state = self.shared.state.lock();
        let purged = state.index.purged().map(|purged| purged.index);
        if let Some(purged) = purged.filter(|purged| range.start <= *purged) {
            return Err(LogError::Purged {
                index: range.start,
                first: purged + 1,
            });
        }
        let Some((first, last)) = state.index.bounds() else {
            return Ok(Vec::new());
        };
        if range.start < first {
            return Err(LogError::Purged {
                index: range.start,
                first,
            });
        }
        let end = range
            .end
            .min(last + 1)
            .min(range.start.saturating_add(LOOKUPS_MAX));
        let found = (range.start..end).map(|index| state.index.find(index));
        Ok(found
            .map(|found| found.expect("entries are cached or placed"))
            .collect())
    }
}

/// Turns what was found into records, keeping one window per segment.
struct Resolver<'a> {
    identity: Identity,
    next: u64,
    found: std::slice::Iter<'a, Found>,
    reader: Option<Reader<'a>>,
}

impl<'a> Resolver<'a> {
    fn new(identity: Identity, next: u64, found: &'a [Found]) -> Self {
        Self {
            identity,
            next,
            found: found.iter(),
            reader: None,
        }
    }

    fn load(&mut self, segment: &'a Arc<Segment>, offset: u64) -> Result<Record, LogError> {
        let same = self
            .reader
            .as_ref()
            .is_some_and(|r| r.segment().epoch == segment.epoch);
        if !same {
            self.reader = Some(Reader::new(segment));
        }
        let reader = self.reader.as_mut().expect("made just above");
        let read = reader.own_record(offset, self.identity);
        let header = read.map_err(LogError::io("read", &segment.path))?;
        let fits = |h: &Header| h.kind == Kind::Entry && h.position.index == self.next;
        let Some(header) = header.filter(fits) else {
            return Err(LogError::Corrupt(Corruption {
                path: segment.path.clone(),
                offset,
                first_index_lost: self.next,
                detail: "an entry that was valid before is not any more".into(),
            }));
        };
        let payload = reader.payload(offset, &header);
        let payload = payload.map_err(LogError::io("read", &segment.path))?;
        let payload = Bytes::copy_from_slice(payload);
        let at = header.position;
        Ok(Record {
            index: at.index,
            term: at.term,
            leader: at.leader,
            payload,
        })
    }
}

impl Iterator for Resolver<'_> {
    type Item = Result<Record, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = match self.found.next()? {
            Found::Cached(record) => Ok(record.clone()),
            Found::OnDisk(segment, offset) => self.load(segment, *offset),
        };
        self.next += 1;
        Some(record)
    }
}
