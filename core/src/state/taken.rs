//! Which proposals were taken: of each member the last one's number, by which every other is told
//! to be new, a copy of one that was taken, or ahead of one that is still to come.
//!
//! A member proposes what is not settled again when its leader goes, under the same numbers, and
//! copies of it may lie in the log. Of those only one is taken, and nothing before what the member
//! put in front of it. There is a row for each member, so there are few.

use std::collections::BTreeMap;

use crate::codec::wire_struct;
use crate::command::{Batch, Origin};
use crate::types::MemberId;

/// The last proposal of a member that was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Last {
    /// Of the member's process.
    pub start: u64,
    pub number: u64,
}

wire_struct!(Last { start, number });

/// The members' rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken(BTreeMap<MemberId, Last>);

impl Taken {
    /// Whether nothing was ever taken.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn last(&self, member: MemberId) -> Last {
        self.0.get(&member).copied().unwrap_or_default()
    }

    /// Takes what is new of a batch: so many of its proposals, the last ones.
    pub(super) fn take(&mut self, batch: &Batch) -> usize {
        let Origin {
            member,
            start,
            after,
            first,
        } = batch.origin;
        let before = self.last(member);
        // Nothing of a process was taken before its first batch was.
        let number = match start == before.start {
            true => before.number,
            false => 0,
        };
        let last = batch.last();
        if start < before.start || after > number || last <= number {
            return 0;
        }
        let known = (number + 1).saturating_sub(first);
        let new = batch.proposals.len() - known as usize;
        let now = Last {
            start,
            number: last,
        };
        assert!(before < now && (1..=batch.proposals.len()).contains(&new));
        self.0.insert(member, now);
        new
    }

    pub(super) fn rows(&self) -> Vec<(MemberId, Last)> {
        self.0
            .iter()
            .map(|(member, last)| (*member, *last))
            .collect()
    }

    pub(super) fn of(rows: Vec<(MemberId, Last)>) -> Taken {
        Taken(rows.into_iter().collect())
    }

    /// # Panics
    /// If an invariant does not hold.
    pub(super) fn check(&self) {
        let is_empty = |last: &Last| last.number == 0;
        assert!(!self.0.values().any(is_empty), "a row is of what was taken");
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::command::{Command, Proposal};

    fn batch(start: u64, after: u64, first: u64, proposals: usize) -> Batch {
        let proposal = Proposal {
            principal: Default::default(),
            command: Command::Tick,
        };
        let origin = Origin {
            member: 1,
            start,
            after,
            first,
        };
        Batch {
            origin,
            proposals: vec![proposal; proposals],
        }
    }

    #[test]
    fn copies_and_what_is_ahead_are_left_out() {
        let mut taken = Taken::default();
        assert_eq!(taken.take(&batch(1, 0, 1, 3)), 3);
        assert_eq!(taken.take(&batch(1, 0, 1, 3)), 0, "a copy");
        assert_eq!(taken.take(&batch(1, 5, 6, 2)), 0, "4 and 5 are to come");
        assert_eq!(taken.take(&batch(1, 2, 3, 3)), 2, "3 is a copy");
        assert_eq!(taken.take(&batch(1, 5, 9, 1)), 1, "6 to 8 were given up");
        assert_eq!(
            taken.take(&batch(1, 5, 6, 2)),
            0,
            "their copies come too late"
        );
        assert_eq!(
            taken.take(&batch(3, 4, 5, 1)),
            0,
            "a new process begins at 1"
        );
        assert_eq!(taken.take(&batch(3, 0, 1, 1)), 1);
        assert_eq!(
            taken.take(&batch(1, 9, 10, 1)),
            0,
            "of a process that has ended"
        );
        assert_eq!(taken.take(&batch(3, 1, 2, 0)), 0, "an empty one");
        let mut other = batch(1, 0, 1, 1);
        other.origin.member = 2;
        assert_eq!(taken.take(&other), 1, "each member counts its own");
        assert_eq!(Taken::of(taken.rows()), taken);
        taken.check();
    }

    /// A member's stream of 1, 2, 3, …, of which it sends stretches in any order, any number of
    /// times, each with the number in front of it: what is taken is that stream, without gaps.
    #[derive(Default)]
    struct Model {
        process: u64,
        stream: Vec<(u64, u64)>,
    }

    impl Model {
        fn take(&mut self, start: u64, first: u64, proposals: usize) {
            for number in first..first + proposals as u64 {
                let next = match start.cmp(&self.process) {
                    std::cmp::Ordering::Less => return,
                    std::cmp::Ordering::Equal => self.stream.last().map_or(1, |last| last.1 + 1),
                    std::cmp::Ordering::Greater => 1,
                };
                if number == next {
                    self.process = start;
                    self.stream.push((start, number));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn each_is_taken_once_and_in_order(
            sent in vec((1u64..4, 1u64..12, 0usize..5), 0..60)
        ) {
            let (mut taken, mut model) = (Taken::default(), Model::default());
            let mut stream = Vec::new();
            for (start, first, proposals) in sent {
                let new = taken.take(&batch(start, first - 1, first, proposals));
                let end = first + proposals as u64;
                stream.extend((end - new as u64..end).map(|number| (start, number)));
                model.take(start, first, proposals);
                prop_assert_eq!(&stream, &model.stream);
                let last = stream.last().copied().unwrap_or_default();
                let Last { start, number } = taken.last(1);
                prop_assert_eq!((start, number), last);
                taken.check();
            }
        }
    }
}
