//! What the members' wall clocks show, as a leader hears it with the answers to its beats. The
//! cluster's wall clock follows what a majority of them has reached, so that one that is wrong, be
//! it the leader's own, moves nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::pulse::{Voters, majority};
use crate::types::{MemberId, UnixMillis};

pub(crate) struct Walls {
    own: MemberId,
    voters: Voters,
    /// How far each was ahead of this process's monotonic time, in milliseconds.
    heard: BTreeMap<MemberId, i64>,
}

impl Walls {
    pub(crate) fn new(own: MemberId) -> Walls {
        Walls {
            own,
            voters: Voters::new(),
            heard: BTreeMap::new(),
        }
    }

    pub(crate) fn set_voters(&mut self, voters: Voters) {
        self.voters = voters;
    }

    /// What was heard before counts no more.
    pub(crate) fn begin_anew(&mut self) {
        self.heard.clear();
    }

    /// A member's clock showed that, which was on its way for a while; rounded so that it is never
    /// taken to have shown more.
    pub(crate) fn hear(&mut self, member: MemberId, wall: UnixMillis, now: Duration) {
        const ALMOST_A_MILLISECOND: Duration = Duration::from_micros(999);
        self.heard
            .insert(member, ahead(wall, now + ALMOST_A_MILLISECOND));
    }

    /// The time that the clocks of a majority have reached; none before so many are known.
    pub(crate) fn reached(&self, own: UnixMillis, now: Duration) -> Option<UnixMillis> {
        let shown = majority(&self.voters, |member| self.of(*member, own, now))?;
        let reached = shown.saturating_add(millis(now));
        Some(UnixMillis(u64::try_from(reached).unwrap_or_default()))
    }

    /// How far each voter's clock, as far as it is known, is from `cluster`, in milliseconds.
    pub(crate) fn distances(
        &self,
        own: UnixMillis,
        cluster: UnixMillis,
        now: Duration,
    ) -> BTreeMap<MemberId, i64> {
        let of = |member: &MemberId| {
            let distance = self.of(*member, own, now)? - ahead(cluster, now);
            Some((*member, distance))
        };
        self.voters.iter().flatten().filter_map(of).collect()
    }

    fn of(&self, member: MemberId, own: UnixMillis, now: Duration) -> Option<i64> {
        match member == self.own {
            true => Some(ahead(own, now)),
            false => self.heard.get(&member).copied(),
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Both are far from the ends of i64 on any clock that is set.
fn ahead(wall: UnixMillis, now: Duration) -> i64 {
    i64::try_from(wall.0).unwrap_or(i64::MAX / 2) - millis(now)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const YEAR: u64 = 365 * 24 * 3_600_000;

    fn reached(members: u64, heard: &[(MemberId, u64)], own: u64) -> Option<u64> {
        let mut walls = Walls::new(1);
        walls.set_voters(vec![BTreeSet::from_iter(1..=members)]);
        let at = Duration::from_millis(500);
        for (member, wall) in heard {
            walls.hear(*member, UnixMillis(*wall), at);
        }
        let later = at + Duration::from_millis(20);
        walls.reached(UnixMillis(own), later).map(|wall| wall.0)
    }

    #[test]
    fn the_time_is_what_a_majority_has_reached() {
        let start = 50 * YEAR;
        assert_eq!(reached(1, &[], start), Some(start), "alone it knows best");
        assert_eq!(reached(3, &[], start), None, "others are to be heard first");
        assert_eq!(reached(3, &[(2, start)], 90 * YEAR), Some(start + 20));
        assert_eq!(reached(3, &[(2, start)], 1), Some(1), "the slower of two");
        let two = [(2, start), (3, start + 5)];
        assert_eq!(reached(3, &two, 90 * YEAR), Some(start + 25));
        assert_eq!(reached(3, &two, 1), Some(start + 20));
        assert_eq!(
            reached(3, &[(2, u64::MAX), (3, start)], start),
            Some(start + 20)
        );
        assert_eq!(reached(5, &two, 90 * YEAR), Some(start + 20));
    }
}
