//! A sorted, counted list of slots in chunks: a key is found by two binary searches, and the keys
//! of a range are counted by their chunks, not one by one.
//!
//! Invariants: chunk n holds the keys from its `low` (inclusive) to the `low` of chunk n + 1, in
//! order; the first `low` is empty; a chunk is empty only if it is the only one; `live` counts the
//! slots that are no tombstones.

use crate::types::KeyRange;

use super::slot::Slot;

/// Slots in a chunk: moving them on an insert costs less than finding the place.
const CHUNK_SLOTS_MAX: usize = 256;
const CHUNK_SLOTS_MIN: usize = CHUNK_SLOTS_MAX / 8;

#[derive(Clone, Debug, Default)]
struct Chunk {
    low: Box<[u8]>,
    slots: Vec<Slot>,
    live: usize,
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
    /// Where the key is, or where it belongs.
    fn find(&self, key: &[u8]) -> Result<Place, Place> {
        let chunk = self.chunks.partition_point(|chunk| *chunk.low <= *key) - 1;
        let slots = &self.chunks[chunk].slots;
        match slots.binary_search_by(|slot| slot.key().cmp(key)) {
            Ok(slot) => Ok((chunk, slot)),
            Err(slot) => Err((chunk, slot)),
        }
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
        self.chunks.insert(number + 1, Chunk { low, slots, live });
    }

    pub(super) fn remove(&mut self, key: &[u8]) {
        let Ok((number, slot)) = self.find(key) else {
            return;
        };
        let chunk = &mut self.chunks[number];
        let slot = chunk.slots.remove(slot);
        chunk.live -= usize::from(slot.is_live());
        if chunk.slots.len() < CHUNK_SLOTS_MIN {
            self.merge(number);
        }
    }

    /// A chunk that got short joins a neighbour that has room for it.
    fn merge(&mut self, number: usize) {
        let fits = |left: usize| {
            let pair = self.chunks.get(left..left + 2);
            pair.is_some_and(|pair| {
                pair[0].slots.len() + pair[1].slots.len() <= CHUNK_SLOTS_MAX / 2
                    || pair.iter().any(|chunk| chunk.slots.is_empty())
            })
        };
        let pairs = [Some(number), number.checked_sub(1)];
        let Some(left) = pairs.into_iter().flatten().find(|left| fits(*left)) else {
            return;
        };
        let right = self.chunks.remove(left + 1);
        let left = &mut self.chunks[left];
        left.slots.extend(right.slots);
        left.live += right.live;
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
            let belongs =
                |slot: &Slot| *chunk.low <= *slot.key() && end.is_none_or(|end| slot.key() < end);
            assert!(chunk.slots.iter().all(belongs));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::types::KeyValue;

    fn slot(key: u32) -> Slot {
        Slot::new(&Arc::new(KeyValue {
            key: Bytes::copy_from_slice(&key.to_be_bytes()),
            version: 1,
            ..KeyValue::default()
        }))
    }

    fn insert(chunks: &mut Chunks, key: u32) {
        let there = |_: &mut Slot| panic!("the key is not there yet");
        chunks.set(&key.to_be_bytes(), there, || slot(key));
    }

    fn span(start: u32, end: u32) -> KeyRange {
        let bytes = |key: u32| Bytes::copy_from_slice(&key.to_be_bytes());
        KeyRange::Span(bytes(start), bytes(end))
    }

    #[test]
    fn the_same_as_a_set_while_it_grows_and_shrinks() {
        let (mut chunks, mut set) = (Chunks::default(), BTreeSet::new());
        let mut random = 1_u32;
        for step in 0..40_000_u32 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = (random >> 16) % 8_192;
            // It grows in the first half and shrinks in the second.
            let grows = (random >> 8) % 8 < if step < 20_000 { 6 } else { 1 };
            match grows {
                true if set.insert(key) => insert(&mut chunks, key),
                false if set.remove(&key) => chunks.remove(&key.to_be_bytes()),
                _ => assert_eq!(chunks.get(&key.to_be_bytes()).is_some(), set.contains(&key)),
            }
            if step % 500 == 0 {
                chunks.check();
                let (start, end) = (key / 2, key);
                let wanted: Vec<_> = set.range(start..end).map(|key| key.to_be_bytes()).collect();
                let range = span(start, end);
                assert!(
                    chunks
                        .iter(&range)
                        .map(Slot::key)
                        .eq(wanted.iter().map(|key| &key[..]))
                );
                assert_eq!(chunks.count(&range), wanted.len() as u64);
                let from = chunks.from(&start.to_be_bytes()).count();
                assert_eq!(from, set.range(start..).count());
            }
        }
    }

    #[test]
    fn rising_keys_leave_full_chunks() {
        let mut chunks = Chunks::default();
        (0..10_000).for_each(|key| insert(&mut chunks, key));
        chunks.check();
        assert_eq!(chunks.chunks.len(), 10_000_usize.div_ceil(CHUNK_SLOTS_MAX));
    }
}
