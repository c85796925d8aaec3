//! A sorted, counted list of slots in chunks: a key is found by two binary searches, and the keys
//! of a range are counted by their chunks, not one by one.
//!
//! Invariants: chunk n holds the keys from its `low` (inclusive) to the `low` of chunk n + 1, in
//! order; the first `low` is empty; a chunk is empty only if it is the only one; `live` counts the
//! slots that are no tombstones.
//!
//! A key lies two pointers away from its slot. So a chunk keeps a head of each of its keys beside
//! them, the first bytes in which they can differ, and most of a search looks at heads alone:
//!
//! ```text
//! low redis/0/lock/41, next low redis/0/lock/97      all keys begin with redis/0/lock/
//! key redis/0/lock/53                                its head is the number of "53" and six 0
//! ```

use std::collections::BTreeSet;
use std::ops::{Bound, Range};

use bytes::Bytes;

use super::slot::Slot;
use crate::types::{KeyRange, LeaseId};

/// Slots in a chunk: moving them on an insert costs less than finding the place. A chunk is split
/// when it has one more, which just fills the capacity of 256 that its lists have grown to.
const CHUNK_SLOTS_MAX: usize = 255;
const CHUNK_SLOTS_MIN: usize = CHUNK_SLOTS_MAX / 8;

#[derive(Clone, Debug, Default)]
struct Chunk {
    low: Box<[u8]>,
    /// Bytes that its `low` and the next one begin with, and so every key between them. In the
    /// last chunk, which has no end, 0.
    shared: usize,
    /// Of each slot's key.
    heads: Vec<u64>,
    slots: Vec<Slot>,
    live: usize,
}

/// The eight bytes of a key behind those that its chunk's keys share, as a number that sorts as
/// they do. Keys with the same head may still differ.
fn head(key: &[u8], shared: usize) -> u64 {
    let rest = &key[shared..];
    let length = rest.len().min(8);
    let mut bytes = [0; 8];
    bytes[..length].copy_from_slice(&rest[..length]);
    u64::from_be_bytes(bytes)
}

fn shared_bytes(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

impl Chunk {
    /// Where a key is that lies between the bounds, or where it belongs.
    fn find(&self, key: &[u8]) -> Result<usize, usize> {
        let head = head(key, self.shared);
        let from = self.heads.partition_point(|other| *other < head);
        let same = self.heads[from..].partition_point(|other| *other == head);
        let found = self.slots[from..from + same].binary_search_by(|slot| slot.key().cmp(key));
        found.map(|slot| from + slot).map_err(|slot| from + slot)
    }

    /// Its keys end before `end` now; works out what they share, and their heads, anew.
    fn set_end(&mut self, end: Option<&[u8]>) {
        self.shared = end.map_or(0, |end| shared_bytes(&self.low, end));
        self.set_heads();
    }

    fn set_heads(&mut self) {
        let shared = self.shared;
        self.heads.clear();
        self.heads
            .extend(self.slots.iter().map(|slot| head(slot.key(), shared)));
    }

    /// Moves those of a part of its slots that are no tombstones behind `taken`.
    fn take_live(&mut self, part: Range<usize>, taken: &mut Vec<Slot>) {
        let length = self.slots.len();
        if part == (0..length) && self.live == length {
            taken.append(&mut self.slots);
            self.heads.clear();
            self.live = 0;
        } else if self.live > 0 {
            self.take(part, Slot::is_live, taken);
        }
    }

    /// Moves those of a part of its slots that leave, all live ones, behind `taken`.
    fn take(&mut self, part: Range<usize>, leaves: impl Fn(&Slot) -> bool, taken: &mut Vec<Slot>) {
        let before = taken.len();
        taken.extend(self.slots.extract_if(part, |slot| leaves(slot)));
        let left = taken.len() - before;
        if left > 0 {
            self.live -= left;
            self.set_heads();
        }
    }

    /// Whether the next chunk may join it.
    fn has_room_for(&self, next: &Chunk) -> bool {
        self.slots.len() + next.slots.len() <= CHUNK_SLOTS_MAX / 2
            || self.slots.is_empty()
            || next.slots.is_empty()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Chunks {
    chunks: Vec<Chunk>,
}

/// A place: number of the chunk, then of the slot in it.
type Place = (usize, usize);

impl Default for Chunks {
    fn default() -> Chunks {
        Chunks {
            chunks: vec![Chunk::default()],
        }
    }
}

impl Chunks {
    fn chunk_of(&self, key: &[u8]) -> usize {
        self.chunks.partition_point(|chunk| *chunk.low <= *key) - 1
    }

    /// Where the key is, or where it belongs.
    fn find(&self, key: &[u8]) -> Result<Place, Place> {
        let chunk = self.chunk_of(key);
        let found = self.chunks[chunk].find(key);
        found
            .map(|slot| (chunk, slot))
            .map_err(|slot| (chunk, slot))
    }

    fn lower_bound(&self, key: &[u8]) -> Place {
        self.find(key).unwrap_or_else(|place| place)
    }

    /// From where to where (exclusive) a range goes.
    fn places(&self, range: &KeyRange) -> (Place, Place) {
        if let KeyRange::Key(key) = range {
            return match self.find(key) {
                Ok((chunk, slot)) => ((chunk, slot), (chunk, slot + 1)),
                Err(place) => (place, place),
            };
        }
        let from = self.lower_bound(range.start());
        let to = match range {
            KeyRange::Key(_) => from,
            KeyRange::Span(start, end) if start < end => self.lower_bound(end),
            KeyRange::Span(..) => from,
            KeyRange::From(_) => (self.chunks.len() - 1, usize::MAX),
        };
        (from, to)
    }

    /// Those of a range, chunk by chunk; with the count of live slots of chunks that are whole.
    fn parts(&self, range: &KeyRange) -> impl Iterator<Item = (&[Slot], Option<usize>)> {
        let ((first, from), (last, to)) = self.places(range);
        let chunks = self.chunks[first..=last].iter().enumerate();
        chunks.map(move |(number, chunk)| {
            let from = if number == 0 { from } else { 0 };
            let length = chunk.slots.len();
            let to = if first + number == last {
                to.min(length)
            } else {
                length
            };
            let whole = (from == 0 && to == length).then_some(chunk.live);
            (&chunk.slots[from..to], whole)
        })
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Slot> {
        let (chunk, slot) = self.find(key).ok()?;
        Some(&self.chunks[chunk].slots[slot])
    }

    /// Slots of a range in key order, tombstones too.
    pub(super) fn iter(&self, range: &KeyRange) -> impl Iterator<Item = &Slot> {
        self.parts(range).flat_map(|(slots, _)| slots)
    }

    /// As `iter`, without chunks that hold tombstones alone.
    pub(super) fn live(&self, range: &KeyRange) -> impl Iterator<Item = &Slot> {
        let parts = self.parts(range).filter(|(_, live)| *live != Some(0));
        parts.flat_map(|(slots, _)| slots)
    }

    /// How many slots a range has.
    pub(super) fn length(&self, range: &KeyRange) -> u64 {
        self.parts(range).map(|(slots, _)| slots.len() as u64).sum()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Slot> {
        self.chunks.iter().flat_map(|chunk| &chunk.slots)
    }

    /// Slots from a key on.
    pub(super) fn from(&self, key: &[u8]) -> impl Iterator<Item = &Slot> {
        let (first, from) = self.lower_bound(key);
        let (head, rest) = (&self.chunks[first].slots[from..], &self.chunks[first + 1..]);
        head.iter()
            .chain(rest.iter().flat_map(|chunk| &chunk.slots))
    }

    /// How many slots of a range are no tombstones.
    pub(super) fn count(&self, range: &KeyRange) -> u64 {
        let count = |slots: &[Slot]| slots.iter().filter(|slot| slot.is_live()).count();
        let parts = self.parts(range);
        parts
            .map(|(slots, whole)| whole.unwrap_or_else(|| count(slots)) as u64)
            .sum()
    }

    /// The slot of a range that is no tombstone and that so many such come before.
    pub(super) fn nth(&self, range: &KeyRange, before: u64) -> Option<&Slot> {
        let mut left = usize::try_from(before).ok()?;
        for (slots, whole) in self.parts(range) {
            match whole {
                Some(live) if live <= left => left -= live,
                _ => {
                    for slot in slots.iter().filter(|slot| slot.is_live()) {
                        match left.checked_sub(1) {
                            Some(fewer) => left = fewer,
                            None => return Some(slot),
                        }
                    }
                }
            }
        }
        None
    }

    /// Changes the slot of a key that is there; returns whether there was one.
    pub(super) fn change(&mut self, key: &[u8], change: impl FnOnce(&mut Slot)) -> bool {
        let found = self.find(key);
        if let Ok(place) = found {
            self.change_at(place, change);
        }
        found.is_ok()
    }

    /// Changes the slot of a key, or makes it if there is none.
    pub(super) fn set(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut Slot),
        make: impl FnOnce() -> Slot,
    ) {
        match self.find(key) {
            Ok(place) => self.change_at(place, change),
            Err(place) => self.insert_at(place, make()),
        }
    }

    /// Puts in a slot whose key is not there.
    pub(super) fn insert(&mut self, slot: Slot) {
        let place = self.find(slot.key());
        self.insert_at(place.expect_err("a key has one slot"), slot);
    }

    fn change_at(&mut self, (chunk, slot): Place, change: impl FnOnce(&mut Slot)) {
        let chunk = &mut self.chunks[chunk];
        let slot = &mut chunk.slots[slot];
        chunk.live -= usize::from(slot.is_live());
        change(slot);
        chunk.live += usize::from(slot.is_live());
    }

    fn insert_at(&mut self, place: Place, slot: Slot) {
        let chunk = &mut self.chunks[place.0];
        chunk.live += usize::from(slot.is_live());
        chunk.heads.insert(place.1, head(slot.key(), chunk.shared));
        chunk.slots.insert(place.1, slot);
        if chunk.slots.len() > CHUNK_SLOTS_MAX {
            self.split(place);
        }
    }

    /// Makes two of a chunk that got too long. Keys often come in rising order: then the old chunk
    /// stays full.
    fn split(&mut self, (number, inserted): Place) {
        let chunk = &mut self.chunks[number];
        let last = chunk.slots.len() - 1;
        let at = if inserted == last {
            last
        } else {
            chunk.slots.len() / 2
        };
        let slots = chunk.slots.split_off(at);
        let live = slots.iter().filter(|slot| slot.is_live()).count();
        chunk.live -= live;
        let low = slots[0].key().into();
        let chunk = Chunk {
            low,
            slots,
            live,
            ..Chunk::default()
        };
        self.chunks.insert(number + 1, chunk);
        self.bound(number);
        self.bound(number + 1);
    }

    /// To be called after slots came to a chunk from another, or the chunk behind it is another.
    fn bound(&mut self, number: usize) {
        let (chunks, behind) = self.chunks.split_at_mut(number + 1);
        let end = behind.first().map(|next| &*next.low);
        chunks[number].set_end(end);
    }

    pub(super) fn remove(&mut self, key: &[u8]) {
        let Ok((number, slot)) = self.find(key) else {
            return;
        };
        let chunk = &mut self.chunks[number];
        chunk.heads.remove(slot);
        let slot = chunk.slots.remove(slot);
        chunk.live -= usize::from(slot.is_live());
        if chunk.slots.len() < CHUNK_SLOTS_MIN {
            self.merge(number);
        }
    }

    /// Takes out the slots of a range that are no tombstones, in order. Chunks that lie in it
    /// whole leave as they are, so that a million keys take milliseconds.
    pub(super) fn sweep(&mut self, range: &KeyRange) -> Vec<Slot> {
        let ((first, from), (last, to)) = self.places(range);
        let mut taken = Vec::with_capacity(self.count(range) as usize);
        for number in first..=last {
            let length = self.chunks[number].slots.len();
            let from = if number == first { from } else { 0 };
            let to = if number == last {
                to.min(length)
            } else {
                length
            };
            self.chunks[number].take_live(from..to, &mut taken);
        }
        self.join_short();
        taken
    }

    /// Takes out the slots of the keys that hang on a lease: of those in `keys` that still do.
    pub(super) fn sweep_lease(&mut self, id: LeaseId, keys: &BTreeSet<Bytes>) -> Vec<Slot> {
        let mut taken = Vec::with_capacity(keys.len());
        let mut next = keys.first();
        while let Some(key) = next {
            let number = self.chunk_of(key);
            let length = self.chunks[number].slots.len();
            let hangs_on = |slot: &Slot| slot.current().is_some_and(|record| record.lease == id);
            self.chunks[number].take(0..length, hangs_on, &mut taken);
            let behind = self.chunks.get(number + 1);
            let from = |behind: &Chunk| {
                let from = (Bound::Included(&*behind.low), Bound::Unbounded);
                keys.range::<[u8], _>(from).next()
            };
            next = behind.and_then(from);
        }
        self.join_short();
        taken
    }

    /// Chunks that are empty or got short join the one before them.
    fn join_short(&mut self) {
        let mut kept: Vec<Chunk> = Vec::with_capacity(self.chunks.len());
        let mut longer = Vec::new();
        for chunk in self.chunks.drain(..) {
            match kept.last_mut().filter(|last| last.has_room_for(&chunk)) {
                Some(last) => {
                    last.slots.extend(chunk.slots);
                    last.live += chunk.live;
                    longer.push(kept.len() - 1);
                }
                None => kept.push(chunk),
            }
        }
        self.chunks = kept;
        longer.dedup();
        longer.into_iter().for_each(|number| self.bound(number));
    }

    /// A chunk that got short joins a neighbour that has room for it.
    fn merge(&mut self, number: usize) {
        let fits = |left: usize| {
            let pair = self.chunks.get(left..left + 2);
            pair.is_some_and(|pair| pair[0].has_room_for(&pair[1]))
        };
        let pairs = [Some(number), number.checked_sub(1)];
        let Some(left) = pairs.into_iter().flatten().find(|left| fits(*left)) else {
            return;
        };
        let right = self.chunks.remove(left + 1);
        let chunk = &mut self.chunks[left];
        chunk.slots.extend(right.slots);
        chunk.live += right.live;
        self.bound(left);
    }

    /// Asserts the invariants.
    pub(super) fn check(&self) {
        assert!(self.chunks[0].low.is_empty());
        assert!(self.chunks.is_sorted_by(|a, b| a.low < b.low));
        assert!(self.all().is_sorted_by(|a, b| a.key() < b.key()));
        for (number, chunk) in self.chunks.iter().enumerate() {
            assert!(!chunk.slots.is_empty() || self.chunks.len() == 1);
            assert!(chunk.slots.len() <= CHUNK_SLOTS_MAX);
            assert_eq!(
                chunk.live,
                chunk.slots.iter().filter(|slot| slot.is_live()).count()
            );
            let end = self.chunks.get(number + 1).map(|next| &*next.low);
            assert_eq!(
                chunk.shared,
                end.map_or(0, |end| shared_bytes(&chunk.low, end))
            );
            let heads = chunk
                .slots
                .iter()
                .map(|slot| head(slot.key(), chunk.shared));
            assert!(chunk.heads.iter().copied().eq(heads));
            let belongs =
                |slot: &Slot| *chunk.low <= *slot.key() && end.is_none_or(|end| slot.key() < end);
            assert!(chunk.slots.iter().all(belongs));
        }
    }
}

#[cfg(test)]
mod tests;
