//! Many keys that were deleted together. A million of them are moved, not copied: their events
//! are made when somebody reads them.

use std::ops::Range;
use std::sync::Arc;

use super::outcome::{Cause, Event};
use super::types::{KeyRange, KeyValue, Revision, Version};

#[derive(Clone, Debug, PartialEq)]
pub struct Swept {
    /// As they were, in key order.
    pub records: Vec<Arc<KeyValue>>,
    /// The sub-revision of the first deletion; those of the others follow.
    pub first: u32,
    pub cause: Cause,
    /// Whether its keys have a history: all of them or none.
    pub keeps_history: bool,
}

impl Swept {
    /// The deletions, in order, as parts of `revision`.
    pub fn events(&self, revision: Revision) -> impl Iterator<Item = Event> + '_ {
        self.part(revision, 0..self.records.len())
    }

    /// Those of the keys of a range.
    pub fn events_within(
        &self,
        range: &KeyRange,
        revision: Revision,
    ) -> impl Iterator<Item = Event> + '_ {
        self.part(revision, self.within(range))
    }

    fn part(&self, revision: Revision, part: Range<usize>) -> impl Iterator<Item = Event> + '_ {
        let numbered = (self.first + part.start as u32..).zip(&self.records[part]);
        numbered.map(move |(sub, record)| Event {
            kv: Arc::new(KeyValue {
                key: record.key.clone(),
                modified: Version {
                    main: revision,
                    sub,
                },
                ..KeyValue::default()
            }),
            prev: Some(record.clone()),
            cause: self.cause,
        })
    }

    pub fn holds(&self, key: &[u8]) -> bool {
        self.find(key).is_some()
    }

    /// Its place among the records.
    pub(crate) fn find(&self, key: &[u8]) -> Option<usize> {
        let found = self
            .records
            .binary_search_by(|record| record.key.as_ref().cmp(key));
        found.ok()
    }

    /// Where the records of a range are.
    pub(crate) fn within(&self, range: &KeyRange) -> Range<usize> {
        let from = self
            .records
            .partition_point(|record| record.key < *range.start());
        let rest = &self.records[from..];
        from..from + rest.partition_point(|record| range.contains(&record.key))
    }

    /// Whether any of them lies in the range.
    pub fn touches(&self, range: &KeyRange) -> bool {
        !self.within(range).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swept(keys: &[&'static str]) -> Swept {
        let record = |key: &&'static str| {
            Arc::new(KeyValue {
                key: key.as_bytes().into(),
                version: 1,
                ..KeyValue::default()
            })
        };
        Swept {
            records: keys.iter().map(record).collect(),
            first: 3,
            cause: Cause::Flush,
            keeps_history: false,
        }
    }

    #[test]
    fn keys_and_ranges_are_found() {
        let swept = swept(&["b", "d", "f"]);
        assert!(swept.holds(b"d") && !swept.holds(b"c") && !swept.holds(b"g"));
        let span = |a: &'static str, b: &'static str| KeyRange::Span(a.into(), b.into());
        assert!(swept.touches(&span("c", "e")) && swept.touches(&KeyRange::From("f".into())));
        assert!(!swept.touches(&span("e", "f")) && !swept.touches(&span("g", "z")));
        assert!(swept.touches(&KeyRange::Key("b".into())));
        assert!(!swept.touches(&KeyRange::Key("c".into())));
    }

    #[test]
    fn deletions_are_numbered_in_order() {
        let swept = swept(&["b", "d"]);
        let made: Vec<_> = swept.events(7).collect();
        assert_eq!(made[1].kv.modified, Version { main: 7, sub: 4 });
        assert!(made[1].is_delete() && made[1].kv.key == "d");
        assert_eq!(made[1].prev.as_ref(), Some(&swept.records[1]));
    }
}
