//! Replays segments in file order, and judges the place where valid records end.
//!
//! A record is taken only if it continues what was read: the same group, or the next group at the
//! next boundary, or a checkpoint that names exactly the place reached. So stale records (of a
//! recycled file, or of a torn group that an earlier start dropped) are never taken.

use std::sync::Arc;

use bytes::Bytes;

use super::checkpoint::{Carried, Checkpoint, Follows};
use super::error::{Corruption, LogError};
use super::index::Index;
use super::mark::{Mark, Purged};
use super::queue::Op;
use super::record::{self, HEADER_BYTES, Header, Identity, Kind, RECORD_ALIGN, record_bytes};
use super::segment::{Reader, Segment};
use super::tail::Tail;

/// The log's state at a place of the file order.
pub(super) struct Replay<'a> {
    identity: Identity,
    segments: &'a [Arc<Segment>],
    reader: Reader<'a>,
    here: Cursor,
    carried: Carried,
    index: Index,
    /// Segments that a purge has made free.
    free: Vec<Arc<Segment>>,
    /// Entries up to here are in segments older than the first one given.
    missing_upto: Option<u64>,
}

/// The place reached.
#[derive(Clone, Copy)]
struct Cursor {
    /// The current segment's number in `segments`.
    at: usize,
    /// The end of the last record taken.
    end: u64,
    /// The last group of which anything was taken, and whether all of it was.
    group: u64,
    complete: bool,
    /// Where that group begins, in the current segment.
    group_start: u64,
}

/// A record that continues the log.
struct Next {
    at: usize,
    offset: u64,
    header: Header,
}

impl<'a> Replay<'a> {
    /// Stands at the beginning of `segments` (consecutive, at least one, headers verified).
    pub(super) fn new(identity: Identity, segments: &'a [Arc<Segment>]) -> Result<Self, LogError> {
        let first = &segments[0];
        let mut index = Index::default();
        index.hold(first.clone());
        let mut replay = Self {
            identity,
            segments,
            reader: Reader::new(first),
            here: Cursor {
                at: 0,
                end: first.align,
                group: 0,
                complete: true,
                group_start: first.align,
            },
            carried: Carried::default(),
            index,
            free: Vec::new(),
            missing_upto: None,
        };
        if first.epoch > 1 {
            replay.begin_midway()?;
        }
        Ok(replay)
    }

    /// Older segments are gone: all that they said stands in the first checkpoint.
    fn begin_midway(&mut self) -> Result<(), LogError> {
        let offset = self.here.end;
        let header = self.own_record(0, offset)?;
        let header = header.filter(|header| header.kind == Kind::Checkpoint);
        let Some(header) = header else {
            return Err(self.corrupt(offset, "the segment's first checkpoint is not valid"));
        };
        let checkpoint = self.checkpoint(offset, &header)?;
        self.carried = checkpoint.carried;
        self.missing_upto = self.carried.last.map(|last| last.index);
        if let Some(last) = self.carried.last {
            self.index.push(last);
        }
        if let Some(purged) = self.carried.purged.clone() {
            self.index.purge(purged);
        }
        self.here.group = header.group;
        self.here.complete = header.last;
        self.here.end = offset + record_bytes(header.length) as u64;
        Ok(())
    }

    /// Takes all records that continue the log.
    pub(super) fn run(&mut self) -> Result<(), LogError> {
        while let Some(next) = self.next()? {
            self.take(next)?;
        }
        Ok(())
    }

    /// The first entry that is needed but was in an older segment.
    pub(super) fn missing(&self) -> Option<u64> {
        let purged = self.carried.purged.as_ref().map(|purged| purged.index);
        let upto = self
            .missing_upto
            .filter(|upto| purged.is_none_or(|purged| purged < *upto));
        upto.map(|_| purged.map_or(0, |purged| purged + 1))
    }

    /// The place that a checkpoint written now would name.
    pub(super) fn place(&self) -> Follows {
        let Cursor { end, group, .. } = self.here;
        Follows {
            epoch: self.segment().epoch,
            offset: end,
            group,
        }
    }

    /// The group that the first bad record would be of.
    pub(super) fn expected_group(&self) -> u64 {
        if self.here.complete {
            self.here.group + 1
        } else {
            self.here.group
        }
    }

    /// The last group that was read whole, and the last index read.
    pub(super) fn whole(&self) -> Mark {
        let index = self.carried.last.map_or(0, |last| last.index);
        Mark {
            group: self.expected_group() - 1,
            index,
        }
    }

    /// True if the last group read has its last record.
    pub(super) fn is_complete(&self) -> bool {
        self.here.complete
    }

    /// The current segment.
    pub(super) fn segment(&self) -> &'a Arc<Segment> {
        &self.segments[self.here.at]
    }

    /// The current segment's number among those given.
    pub(super) fn at(&self) -> usize {
        self.here.at
    }

    /// Begin and end of what was read of the last group, in the current segment.
    pub(super) fn last_group(&self) -> (u64, u64) {
        (self.here.group_start, self.here.end)
    }

    /// The index after the last entry.
    pub(super) fn next_index(&self) -> Option<u64> {
        self.carried.next_index()
    }

    /// Gives up the index, the state beside it, and the segments that are free.
    pub(super) fn into_parts(self) -> (Index, Carried, Vec<Arc<Segment>>) {
        (self.index, self.carried, self.free)
    }

    /// Fills the first index lost into an error about the segment after the last one replayed.
    pub(super) fn at_index(&self, error: LogError) -> LogError {
        match error {
            LogError::Corrupt(mut corruption) => {
                corruption.first_index_lost = self.next_index().unwrap_or(0);
                LogError::Corrupt(corruption)
            }
            other => other,
        }
    }

    /// Says what is wrong at the place reached, in the words of an error.
    fn corrupt(&self, offset: u64, detail: impl Into<String>) -> LogError {
        self.corrupt_in(self.here.at, offset, detail)
    }

    fn corrupt_in(&self, at: usize, offset: u64, detail: impl Into<String>) -> LogError {
        LogError::Corrupt(Corruption {
            path: self.segments[at].path.clone(),
            offset,
            first_index_lost: self.carried.next_index().unwrap_or(0),
            detail: detail.into(),
        })
    }

    fn own_record(&mut self, at: usize, offset: u64) -> Result<Option<Header>, LogError> {
        let segment = &self.segments[at];
        let read = if at == self.here.at {
            self.reader.own_record(offset, self.identity)
        } else {
            Reader::new(segment).own_record(offset, self.identity)
        };
        read.map_err(LogError::io("read", &segment.path))
    }

    /// The payload of a record of the current segment that was just verified.
    fn payload(&mut self, offset: u64, header: &Header) -> Result<Bytes, LogError> {
        let path = &self.segments[self.here.at].path;
        let payload = self
            .reader
            .payload(offset, header)
            .map_err(LogError::io("read", path))?;
        Ok(Bytes::copy_from_slice(payload))
    }

    fn checkpoint(&mut self, offset: u64, header: &Header) -> Result<Checkpoint, LogError> {
        let payload = self.payload(offset, header)?;
        let decoded = Checkpoint::decode(payload);
        decoded.ok_or_else(|| self.corrupt(offset, "a checkpoint can't be read"))
    }

    /// What a checkpoint record says that it follows.
    fn follows(&self, at: usize, offset: u64, header: &Header) -> Result<Follows, LogError> {
        let path = &self.segments[at].path;
        let mut reader = Reader::new(&self.segments[at]);
        let payload = reader
            .payload(offset, header)
            .map_err(LogError::io("read", path))?;
        let decoded = Checkpoint::decode(Bytes::copy_from_slice(payload));
        let decoded =
            decoded.ok_or_else(|| self.corrupt_in(at, offset, "a checkpoint can't be read"))?;
        Ok(decoded.follows)
    }

    fn next(&mut self) -> Result<Option<Next>, LogError> {
        let at = self.here.at;
        if !self.here.complete {
            let offset = self.here.end;
            let header = self.own_record(at, offset)?;
            if let Some(header) = header.filter(|header| header.group == self.here.group) {
                return Ok(Some(Next { at, offset, header }));
            }
        }
        let boundary = self.segment().aligned(self.here.end);
        if let Some(header) = self.own_record(at, boundary)?
            && self.begins_group(at, boundary, &header)?
        {
            return Ok(Some(Next {
                at,
                offset: boundary,
                header,
            }));
        }
        let Some(segment) = self.segments.get(at + 1) else {
            return Ok(None);
        };
        let (at, offset) = (at + 1, segment.align);
        let header = self.own_record(at, offset)?;
        let Some(header) = header.filter(|header| header.kind == Kind::Checkpoint) else {
            return Ok(None);
        };
        let follows = self.begins_group(at, offset, &header)?;
        Ok(follows.then_some(Next { at, offset, header }))
    }

    fn begins_group(&self, at: usize, offset: u64, header: &Header) -> Result<bool, LogError> {
        if header.kind == Kind::Checkpoint {
            let later = header.group > self.here.group;
            return Ok(later && self.follows(at, offset, header)? == self.place());
        }
        Ok(self.here.complete && header.group == self.here.group + 1)
    }

    /// Takes a record. If it can't be right, the place reached stays where it was.
    fn take(&mut self, next: Next) -> Result<(), LogError> {
        let Next { at, offset, header } = next;
        let before = self.here;
        if header.group != before.group {
            self.verify_padding()?;
            self.here.group = header.group;
            self.here.group_start = offset;
        }
        if at != before.at {
            self.here.at = at;
            self.reader = Reader::new(&self.segments[at]);
        }
        if let Err(error) = self.apply(offset, &header) {
            self.here = before;
            self.reader = Reader::new(&self.segments[before.at]);
            return Err(error);
        }
        if at != before.at {
            self.index.hold(self.segments[at].clone());
        }
        self.here.end = offset + record_bytes(header.length) as u64;
        self.here.complete = header.last;
        Ok(())
    }

    /// What follows a group up to the next boundary was written with it, as zeros.
    fn verify_padding(&mut self) -> Result<(), LogError> {
        let boundary = self.segment().aligned(self.here.end);
        let path = &self.segments[self.here.at].path;
        let zero = self
            .reader
            .is_zero(self.here.end, boundary)
            .map_err(LogError::io("read", path))?;
        let why = "the padding of a synced group is not zero";
        if zero {
            Ok(())
        } else {
            Err(self.corrupt(self.here.end, why))
        }
    }

    fn apply(&mut self, offset: u64, header: &Header) -> Result<(), LogError> {
        let position = header.position;
        match header.kind {
            Kind::Entry => {
                if self
                    .carried
                    .next_index()
                    .is_some_and(|next| next != position.index)
                {
                    return Err(self.corrupt(offset, "an entry does not follow the one before"));
                }
                self.index.push(position);
                self.index.place(position.index, offset);
                self.carried.last = Some(position);
                return Ok(());
            }
            Kind::Checkpoint => {
                let checkpoint = self.checkpoint(offset, header)?;
                if checkpoint.carried != self.carried {
                    return Err(self.corrupt(offset, "a checkpoint contradicts what is before"));
                }
                return Ok(());
            }
            Kind::Seal => return Ok(()),
            Kind::Segment => return Err(self.corrupt(offset, "a header inside a segment")),
            Kind::Vote | Kind::Committed | Kind::Truncate | Kind::Purge => {}
        }
        let payload = self.payload(offset, header)?;
        let op = match header.kind {
            Kind::Vote => Op::Vote(payload),
            Kind::Committed => Op::Committed(payload),
            Kind::Truncate => Op::Truncate((payload[..] == [1]).then_some(position)),
            _ => Op::Purge(Purged::new(position, payload)),
        };
        self.carried.apply(&op);
        match op {
            Op::Truncate(last) => {
                self.index.truncate(last);
                self.index.unplace_after(last);
                let kept = last.map(|last| last.index);
                self.missing_upto = self.missing_upto.and_then(|m| kept.map(|kept| m.min(kept)));
            }
            Op::Purge(purged) => {
                let index = purged.index;
                self.index.purge(purged);
                self.free.extend(self.index.unplace_upto(index));
            }
            _ => {}
        }
        Ok(())
    }

    /// Looks at everything behind the place reached. The largest group of any valid record there,
    /// and where the first one of a group later than expected is.
    pub(super) fn behind(&mut self) -> Result<Behind, LogError> {
        let mut behind = Behind {
            group_max: 0,
            later: None,
        };
        for at in self.here.at..self.segments.len() {
            let from = if at == self.here.at {
                self.here.end
            } else {
                self.segments[at].align
            };
            self.look(at, from, &mut behind)?;
        }
        Ok(behind)
    }

    /// Records begin at multiples of 8, so each such place is tried, whatever is around it.
    fn look(&self, at: usize, from: u64, behind: &mut Behind) -> Result<(), LogError> {
        let segment = &self.segments[at];
        let read = LogError::io("read", &segment.path);
        let expected = self.expected_group();
        let mut reader = Reader::new(segment);
        let mut tail = None;
        let mut offset = from;
        loop {
            let window = reader.rest(offset, HEADER_BYTES).map_err(&read)?;
            let Some(window) = window else { return Ok(()) };
            let places = (window.len() - HEADER_BYTES) / RECORD_ALIGN + 1;
            let claims = |place: &usize| {
                record::claims(&window[*place..], self.identity, segment.epoch, expected)
            };
            let claim = (0..places).map(|place| place * RECORD_ALIGN).find(claims);
            let Some((claim, head)) = claim.and_then(|at| Some((at, window[at..].first_chunk()?)))
            else {
                offset += (places * RECORD_ALIGN) as u64;
                continue;
            };
            offset += claim as u64;
            let tail = match &mut tail {
                Some(tail) => tail,
                None => tail.insert(Tail::read(segment, offset).map_err(&read)?),
            };
            if let Some(header) = tail.record(head, offset) {
                behind.group_max = behind.group_max.max(header.group);
                if header.group > expected && behind.later.is_none() {
                    behind.later = Some((at, offset));
                }
            }
            offset += RECORD_ALIGN as u64;
        }
    }

    /// The verdict that a later group's record at `later` gives on the place reached.
    pub(super) fn verdict(&mut self, later: (usize, u64)) -> Result<LogError, LogError> {
        let (found_at, found_offset) = later;
        let found = self.segments[found_at].path.display();
        let detail = format!("a later flush is valid at {found} offset {found_offset}");
        let offset = if self.here.complete {
            self.segment().aligned(self.here.end)
        } else {
            self.here.end
        };
        // With its first record unreadable, the next segment is the one that is damaged: had this
        // one gone on, the next would begin with a checkpoint that says so.
        if let Some(next) = self.segments.get(self.here.at + 1)
            && found_at > self.here.at
        {
            let begin = next.align;
            if self.own_record(self.here.at + 1, begin)?.is_none() {
                return Ok(self.corrupt_in(self.here.at + 1, begin, detail));
            }
        }
        Ok(self.corrupt(offset, detail))
    }
}

/// What lies behind the end of the log.
pub(super) struct Behind {
    pub(super) group_max: u64,
    /// Segment and offset of the first valid record of a group later than expected.
    pub(super) later: Option<(usize, u64)>,
}
