//! Deleting the keys of a range on a write view: many at once, few one by one.

use bytes::Bytes;

use super::changes::Sweep;
use super::draft::Draft;
use crate::outcome::Cause;
use crate::types::KeyRange;

/// Keys that are swept rather than deleted one by one: at least so many.
pub(super) const SWEPT_MIN: usize = 64;

/// Keys changed on the view, around which a deletion sweeps the others.
const CUTS_MAX: usize = 64;

impl Draft<'_> {
    /// Deletes the keys of a range; how many there were.
    pub(super) fn delete_range(&mut self, range: &KeyRange, cause: Cause) -> u64 {
        let before = self.events;
        for part in self.around_drafted(range) {
            if !self.sweep(&part, cause) {
                let records: Vec<_> = self.range(&part).cloned().collect();
                for record in records {
                    self.delete(&record.key, cause);
                }
            }
        }
        u64::from(self.events - before)
    }

    /// A range in parts, of which each is a key that was changed on this view, or holds none.
    fn around_drafted(&self, range: &KeyRange) -> Vec<KeyRange> {
        let drafted: Vec<&Bytes> = self.drafted(range).map(|(key, _)| key).collect();
        let mut parts = Vec::new();
        let mut rest = range.clone();
        if drafted.len() <= CUTS_MAX && !matches!(range, KeyRange::Key(_)) {
            for key in drafted {
                let behind = Bytes::from([key.as_ref(), &[0]].concat());
                parts.push(KeyRange::Span(rest.start().clone(), key.clone()));
                parts.push(KeyRange::Key(key.clone()));
                rest = match rest {
                    KeyRange::Span(_, end) => KeyRange::Span(behind, end),
                    KeyRange::Key(_) | KeyRange::From(_) => KeyRange::From(behind),
                };
            }
        }
        parts.push(rest);
        parts
    }

    /// Deletes all of a range at once, if it is worth it and none of its keys was changed on this
    /// view.
    fn sweep(&mut self, range: &KeyRange, cause: Cause) -> bool {
        let was_swept = self.sweeps.iter().any(|sweep| sweep.range.overlaps(range));
        if was_swept || self.drafted(range).next().is_some() {
            return false;
        }
        let count = self.state.index.count(range) as usize;
        if count < SWEPT_MIN {
            return false;
        }
        self.sweeps.push(Sweep {
            range: range.clone(),
            count,
            first: self.events,
            cause: self.because.unwrap_or(cause),
        });
        self.events += u32::try_from(count).expect("as many as fit in memory");
        true
    }
}
