//! The log in memory: where it begins and ends, terms, recent entries, and where the others are.
//!
//! Two views. *As asked*: first, last, terms and cached entries change when a request is queued,
//! so a reader sees an entry at once. *As flushed*: the places on disk change when its group is
//! synced. An entry leaves the cache only when its request is flushed, so each readable entry is
//! in the cache or has a place. A place takes 8 bytes; their number is bounded by the segments
//! that are kept.

use std::collections::VecDeque;
use std::sync::Arc;

use super::mark::Purged;
use super::record::{Position, Record};
use super::segment::Segment;

/// Memory that a cached entry takes beside its payload, about.
const CACHED_ENTRY_BYTES: usize = 96;

/// Where an entry's record begins: its segment (low bits of the epoch) and offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    epoch: u32,
    offset: u32,
}

struct Cached {
    record: Record,
    request: u64,
}

/// A segment file that still holds something needed.
struct Held {
    segment: Arc<Segment>,
    /// Largest index of an entry ever written to it.
    index_max: Option<u64>,
}

/// See the module's text.
#[derive(Default)]
pub(super) struct Index {
    purged: Option<Purged>,
    last: Option<Position>,
    /// Readable entries are `first ..= last`.
    first: u64,
    /// The first entry of each run of entries with the same term and leader.
    runs: VecDeque<Position>,
    cache: VecDeque<Cached>,
    cache_bytes: usize,
    places_first: u64,
    places: VecDeque<Place>,
    held: VecDeque<Held>,
}

/// Where a reader finds an entry.
pub(super) enum Found {
    Cached(Record),
    OnDisk(Arc<Segment>, u64),
}

impl Index {
    pub(super) fn last(&self) -> Option<Position> {
        self.last
    }

    pub(super) fn purged(&self) -> Option<&Purged> {
        self.purged.as_ref()
    }

    /// First and last readable entry; none if there is no entry.
    pub(super) fn bounds(&self) -> Option<(u64, u64)> {
        let last = self.last?.index;
        (self.first <= last).then_some((self.first, last))
    }

    /// Positions of the first and last readable entry.
    pub(super) fn ends(&self) -> Option<(Position, Position)> {
        let (first, last) = self.bounds()?;
        self.position(first).zip(self.position(last))
    }

    /// Term and leader of an entry, or of the last purged one.
    pub(super) fn position(&self, index: u64) -> Option<Position> {
        if let Some(purged) = self.purged.as_ref()
            && purged.index == index
        {
            return Some(purged.position());
        }
        let (first, last) = self.bounds()?;
        if index < first || index > last {
            return None;
        }
        let after = self.runs.partition_point(|run| run.index <= index);
        Some(Position {
            index,
            ..self.runs[after.checked_sub(1)?]
        })
    }

    /// Adds an entry as asked. The caller has checked that it follows the last one.
    pub(super) fn push(&mut self, position: Position) {
        if self.bounds().is_none() {
            self.first = position.index;
        }
        let same = |run: &Position| run.term == position.term && run.leader == position.leader;
        if !self.runs.back().is_some_and(same) {
            self.runs.push_back(position);
        }
        self.last = Some(position);
    }

    /// Keeps a pushed entry in memory until `evict` may drop it.
    pub(super) fn cache(&mut self, record: Record, request: u64) {
        self.cache_bytes += record.payload.len() + CACHED_ENTRY_BYTES;
        self.cache.push_back(Cached { record, request });
    }

    /// Drops the oldest cached entries whose requests are flushed, down to `limit` bytes.
    pub(super) fn evict(&mut self, limit: usize, flushed: u64) {
        while self.cache_bytes > limit
            && self
                .cache
                .front()
                .is_some_and(|cached| cached.request <= flushed)
        {
            self.drop_cached_front();
        }
    }

    fn drop_cached_front(&mut self) {
        let cached = self.cache.pop_front();
        self.cache_bytes -= cached.map_or(0, |c| c.record.payload.len() + CACHED_ENTRY_BYTES);
    }

    /// Voids entries as asked; `last` is what remains the last one.
    pub(super) fn truncate(&mut self, last: Option<Position>) {
        let kept = |index: u64| last.is_some_and(|last| index <= last.index);
        while let Some(cached) = self.cache.pop_back_if(|cached| !kept(cached.record.index)) {
            self.cache_bytes -= cached.record.payload.len() + CACHED_ENTRY_BYTES;
        }
        while self.runs.pop_back_if(|run| !kept(run.index)).is_some() {}
        self.last = last;
    }

    /// Lets go of entries as asked.
    pub(super) fn purge(&mut self, purged: Purged) {
        let upto = purged.index;
        while self
            .cache
            .front()
            .is_some_and(|cached| cached.record.index <= upto)
        {
            self.drop_cached_front();
        }
        while self.runs.get(1).is_some_and(|run| run.index <= upto + 1) {
            self.runs.pop_front();
        }
        if self.last.is_none_or(|last| last.index < upto) {
            self.last = Some(purged.position());
            self.runs.clear();
        }
        self.first = upto + 1;
        self.purged = Some(purged);
    }

    /// Notes a flushed entry in the newest segment.
    pub(super) fn place(&mut self, index: u64, offset: u64) {
        let held = self
            .held
            .back_mut()
            .expect("entries are flushed into a segment");
        held.index_max = held.index_max.max(Some(index));
        if self.places.is_empty() {
            self.places_first = index;
        }
        let epoch = held.segment.epoch as u32;
        let offset = u32::try_from(offset).expect("segments are smaller than 4 GiB");
        self.places.push_back(Place { epoch, offset });
    }

    /// A truncation is flushed.
    pub(super) fn unplace_after(&mut self, last: Option<Position>) {
        let keep = last.map_or(0, |last| (last.index + 1).saturating_sub(self.places_first));
        self.places
            .truncate(usize::try_from(keep).unwrap_or(usize::MAX));
    }

    /// A purge is flushed; returns the segments that nobody needs any more. The newest stays.
    pub(super) fn unplace_upto(&mut self, index: u64) -> Vec<Arc<Segment>> {
        let gone = (index + 1)
            .saturating_sub(self.places_first)
            .min(self.places.len() as u64);
        self.places
            .drain(..usize::try_from(gone).expect("not more than there are"));
        self.places_first += gone;
        let mut free = Vec::new();
        while self.held.len() > 1 && self.held[0].index_max.is_none_or(|max| max <= index) {
            free.extend(self.held.pop_front().map(|held| held.segment));
        }
        free
    }

    /// A segment begins to be used.
    pub(super) fn hold(&mut self, segment: Arc<Segment>) {
        self.held.push_back(Held {
            segment,
            index_max: None,
        });
    }

    /// Where to read an entry that is within `bounds`.
    pub(super) fn find(&self, index: u64) -> Option<Found> {
        if let Some(front) = self.cache.front()
            && index >= front.record.index
        {
            let at = usize::try_from(index - front.record.index).ok()?;
            return self
                .cache
                .get(at)
                .map(|cached| Found::Cached(cached.record.clone()));
        }
        let at = usize::try_from(index.checked_sub(self.places_first)?).ok()?;
        let place = self.places.get(at)?;
        let oldest = self.held.front()?.segment.epoch as u32;
        let held = self.held.get(place.epoch.wrapping_sub(oldest) as usize)?;
        Some(Found::OnDisk(held.segment.clone(), u64::from(place.offset)))
    }
}
