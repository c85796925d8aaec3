//! Lives by their ends: one index for each of the two clocks.

use std::collections::BTreeSet;

use crate::types::{ClusterMillis, Deadline, LeaseId, Now, UnixMillis};

/// What ends first by each clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirstEnds {
    pub clock: Option<ClusterMillis>,
    pub wall: Option<UnixMillis>,
}

impl FirstEnds {
    pub fn is_due(self, now: Now) -> bool {
        let clock = self.clock.map(Deadline::Clock);
        let wall = self.wall.map(Deadline::Wall);
        clock.into_iter().chain(wall).any(|end| end.is_over(now))
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    by_clock: BTreeSet<(ClusterMillis, LeaseId)>,
    by_wall: BTreeSet<(UnixMillis, LeaseId)>,
}

impl Ends {
    pub(super) fn insert(&mut self, end: Deadline, id: LeaseId) {
        match end {
            Deadline::Clock(end) => self.by_clock.insert((end, id)),
            Deadline::Wall(end) => self.by_wall.insert((end, id)),
        };
    }

    pub(super) fn remove(&mut self, end: Deadline, id: LeaseId) {
        match end {
            Deadline::Clock(end) => self.by_clock.remove(&(end, id)),
            Deadline::Wall(end) => self.by_wall.remove(&(end, id)),
        };
    }

    pub(super) fn first(&self) -> FirstEnds {
        FirstEnds {
            clock: self.by_clock.first().map(|(end, _)| *end),
            wall: self.by_wall.first().map(|(end, _)| *end),
        }
    }

    /// Of the lives that are over the one that has been longest.
    pub(super) fn first_due(&self, now: Now) -> Option<LeaseId> {
        let by_clock = self.by_clock.first();
        let by_wall = self.by_wall.first();
        let by_clock = by_clock.map(|(end, id)| (Deadline::Clock(*end), *id));
        let by_wall = by_wall.map(|(end, id)| (Deadline::Wall(*end), *id));
        let due = by_clock.into_iter().chain(by_wall);
        let due = due.filter(|(end, _)| end.is_over(now));
        due.min_by_key(|(end, id)| order(*end, *id, now))
            .map(|(_, id)| id)
    }

    /// All of them, those by the cluster clock first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Deadline, LeaseId)> {
        let by_clock = self.by_clock.iter();
        let by_wall = self.by_wall.iter();
        let by_clock = by_clock.map(|(end, id)| (Deadline::Clock(*end), *id));
        by_clock.chain(by_wall.map(|(end, id)| (Deadline::Wall(*end), *id)))
    }
}

/// The order in which lives end: the longest due first.
pub(super) fn order(end: Deadline, id: LeaseId, now: Now) -> (std::cmp::Reverse<u64>, LeaseId) {
    (std::cmp::Reverse(end.late_ms(now)), id)
}
