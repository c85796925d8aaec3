//! A program's own writes, over the state it reads: what it wrote it sees.

use std::collections::BTreeMap;

use bytes::Bytes;
use quorate_core::types::{KeyRange, Value};

use super::item::Item;

/// A hash is counted by the ops that change it: its fields are shared with the state.
fn cost(item: Option<&Item>) -> usize {
    let value = item.map(|item| &item.value);
    size_of::<(Bytes, Item)>() + value.and_then(Value::as_bytes).map_or(0, Bytes::len)
}

/// Keys the program has changed: their item now, or None where it deleted them. A whole database
/// that was flushed hides everything below.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    keys: BTreeMap<Bytes, Option<Item>>,
    /// About the memory of the keys.
    bytes: usize,
    flushed: Vec<KeyRange>,
}

impl Overlay {
    /// None: not touched. Some(None): deleted by the program.
    pub fn get(&self, key: &[u8]) -> Option<Option<&Item>> {
        if let Some(item) = self.keys.get(key) {
            return Some(item.as_ref());
        }
        self.flushed
            .iter()
            .any(|range| range.contains(key))
            .then_some(None)
    }

    pub fn set(&mut self, key: Bytes, item: Option<Item>) {
        self.bytes += key.len() + cost(item.as_ref());
        let key_bytes = key.len();
        if let Some(before) = self.keys.insert(key, item) {
            self.bytes -= key_bytes + cost(before.as_ref());
        }
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Deletes all of a range.
    pub fn flush(&mut self, range: KeyRange) {
        self.keys.retain(|key, _| !range.contains(key));
        let left = self.keys.iter();
        self.bytes = left
            .map(|(key, item)| key.len() + cost(item.as_ref()))
            .sum();
        self.flushed.push(range);
    }

    pub fn hides_all(&self, range: &KeyRange) -> bool {
        self.flushed.contains(range)
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.flushed.is_empty()
    }

    /// Keys of the range that the program has written and not deleted.
    pub fn written<'a>(&'a self, range: &'a KeyRange) -> impl Iterator<Item = &'a Bytes> {
        let there = self.keys.iter().filter(|(_, item)| item.is_some());
        there.map(|(key, _)| key).filter(|key| range.contains(key))
    }
}
