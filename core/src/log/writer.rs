//! Turns a group of requests into one buffer, one write and one sync.

use std::sync::Arc;
use std::time::Duration;

use super::checkpoint::{Carried, Checkpoint, Follows};
use super::error::LogFault;
use super::mark::Mark;
use super::metrics::LogMetrics;
use super::options::Clock;
use super::queue::{Op, Request};
use super::record::{self, Header, Identity, Kind, Position, record_bytes};
use super::segment::Segment;
use super::spares::Spares;

/// The end of the log, and what a checkpoint there would say.
pub(super) struct Writer {
    identity: Identity,
    spares: Arc<Spares>,
    metrics: Arc<LogMetrics>,
    clock: Option<Clock>,
    segment: Arc<Segment>,
    /// End of the last record, before alignment.
    end: u64,
    /// The last group written, or the one that the opening group must exceed.
    group: u64,
    carried: Carried,
    buffer: Vec<u8>,
    last_record: usize,
}

/// What a group brought: a new segment, and where its entries are, in order.
#[derive(Default)]
pub(super) struct Written {
    pub(super) rolled: Option<Arc<Segment>>,
    pub(super) offsets: Vec<u64>,
}

impl Writer {
    pub(super) fn new(
        identity: Identity,
        spares: Arc<Spares>,
        clock: Option<Clock>,
        segment: Arc<Segment>,
        follows: Follows,
        carried: Carried,
    ) -> Self {
        assert_eq!(segment.epoch, follows.epoch);
        Self {
            identity,
            metrics: spares.metrics.clone(),
            spares,
            clock,
            segment,
            end: follows.offset,
            group: follows.group,
            carried,
            buffer: Vec::new(),
            last_record: 0,
        }
    }

    /// The newest synced point.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            group: self.group,
            index: self.carried.last.map_or(0, |last| last.index),
        }
    }

    /// Writes the group that every start begins with: a checkpoint as group number `group`.
    pub(super) fn write_opening(&mut self, group: u64) -> Result<Written, LogFault> {
        assert!(group > self.group);
        let follows = self.place();
        let checkpoint = self.checkpoint(follows);
        let mut written = Written::default();
        if !self.fits(record_bytes(checkpoint.len()) as u64) {
            written.rolled = Some(self.roll()?);
        }
        self.group = group;
        let base = self.segment.aligned(self.end);
        self.buffer.clear();
        self.put(base, Kind::Checkpoint, None, &checkpoint);
        self.flush(base)?;
        Ok(written)
    }

    /// Writes and syncs a group. After an error the writer must not be used again.
    pub(super) fn write(&mut self, requests: &[Request]) -> Result<Written, LogFault> {
        let bytes = requests.iter().map(|request| request.op.bytes()).sum();
        let mut written = Written::default();
        let mut opening = None;
        if !self.fits(bytes) {
            opening = Some(self.checkpoint(self.place()));
            written.rolled = Some(self.roll()?);
        }
        self.group += 1;
        let base = self.segment.aligned(self.end);
        self.buffer.clear();
        if let Some(checkpoint) = opening {
            self.put(base, Kind::Checkpoint, None, &checkpoint);
        }
        for request in requests {
            self.put_op(base, &request.op, &mut written.offsets);
            self.carried.apply(&request.op);
        }
        self.flush(base)?;
        let (requests, entries) = (requests.len() as u64, written.offsets.len() as u64);
        self.metrics
            .group_written(self.buffer.len() as u64, requests, entries);
        Ok(written)
    }

    fn place(&self) -> Follows {
        Follows {
            epoch: self.segment.epoch,
            offset: self.end,
            group: self.group,
        }
    }

    fn checkpoint(&self, follows: Follows) -> Vec<u8> {
        Checkpoint {
            follows,
            carried: self.carried.clone(),
        }
        .encode()
    }

    fn fits(&self, bytes: u64) -> bool {
        self.segment.aligned(self.end) + bytes <= self.segment.bytes()
    }

    fn roll(&mut self) -> Result<Arc<Segment>, LogFault> {
        let next = self.spares.take()?;
        assert_eq!(
            next.epoch,
            self.segment.epoch + 1,
            "segments are used in order"
        );
        self.end = next.align;
        self.segment = next.clone();
        Ok(next)
    }

    fn put_op(&mut self, base: u64, op: &Op, offsets: &mut Vec<u64>) {
        match op {
            Op::Append(entries) => {
                for entry in entries {
                    offsets.push(base + self.buffer.len() as u64);
                    self.put(base, Kind::Entry, Some(entry.position()), &entry.payload);
                }
            }
            Op::Vote(vote) => self.put(base, Kind::Vote, None, vote),
            Op::Committed(committed) => self.put(base, Kind::Committed, None, committed),
            Op::Truncate(last) => {
                self.put(base, Kind::Truncate, *last, &[u8::from(last.is_some())]);
            }
            Op::Purge(purged) => {
                self.put(base, Kind::Purge, Some(purged.position()), &purged.opaque);
            }
            Op::Seal => self.put(base, Kind::Seal, None, &[]),
        }
    }

    fn put(&mut self, base: u64, kind: Kind, position: Option<Position>, payload: &[u8]) {
        let header = Header {
            kind,
            last: false,
            length: payload.len(),
            identity: self.identity,
            epoch: self.segment.epoch,
            group: self.group,
            position: position.unwrap_or(Position {
                index: 0,
                term: 0,
                leader: 0,
            }),
        };
        self.last_record = self.buffer.len();
        let offset = base + self.buffer.len() as u64;
        record::encode(&mut self.buffer, offset, &header, payload);
    }

    /// Closes the buffered group, pads it to whole pages, writes it at `base` and syncs.
    fn flush(&mut self, base: u64) -> Result<(), LogFault> {
        let offset = base + self.last_record as u64;
        record::mark_last(&mut self.buffer[self.last_record..], offset);
        self.end = base + self.buffer.len() as u64;
        let padded = self.segment.aligned(self.end);
        self.buffer.resize(
            usize::try_from(padded - base).expect("a group fits in memory"),
            0,
        );
        let Segment { file, path, .. } = &*self.segment;
        file.write_at(&self.buffer, base)
            .map_err(LogFault::new("write", path))?;
        let began = self.now();
        self.metrics.sync_begins(began);
        file.sync_data().map_err(LogFault::new("sync", path))?;
        self.metrics.sync_ends(self.now().saturating_sub(began));
        self.segment.grow(padded);
        Ok(())
    }

    fn now(&self) -> Duration {
        self.clock.as_ref().map_or(Duration::ZERO, |clock| clock())
    }
}
