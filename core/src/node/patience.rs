//! How long a member waits before it takes a leader for gone. What is configured is where it
//! starts; the timers that are our own choice grow with the distance that is measured, and shrink
//! again with it.

use std::time::Duration;

/// A round trip that takes longer tells of an outage, not of a distance.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(1);
/// The most that `slack` can be.
pub(crate) const SLACK_MAX: Duration = Duration::from_secs(5);
const _: () =
    assert!(SLACK_MAX.as_millis() == (ROUND_TRIPS as u128 + 1) * ROUND_TRIP_MAX.as_millis());
/// What a sample weighs in the mean, and how slowly the peak is forgotten, as shifts.
const MEAN_SHIFT: u32 = 3;
const PEAK_SHIFT: u32 = 6;
/// Round trips that are waited for a leader that may have to send again what was lost.
const ROUND_TRIPS: u32 = 4;

/// Round trips to another member, as measured: their mean, and their recent peak.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Distance {
    mean: Duration,
    peak: Duration,
}

impl Distance {
    /// A round trip took that long. The time for which a busy machine held it up is a part of it.
    pub(crate) fn sample(&mut self, took: Duration) {
        let took = took.min(ROUND_TRIP_MAX);
        if *self == Distance::default() {
            self.mean = took;
        }
        self.mean = towards(self.mean, took, MEAN_SHIFT);
        self.peak = towards(self.peak, took, PEAK_SHIFT).max(took);
    }

    pub(crate) fn round_trip(&self) -> Duration {
        self.mean
    }

    /// What a leader who is that far away may be silent beyond what is configured.
    pub(crate) fn slack(&self) -> Duration {
        ROUND_TRIPS * self.mean + self.peak.saturating_sub(self.mean)
    }
}

fn towards(from: Duration, to: Duration, shift: u32) -> Duration {
    let part = from.abs_diff(to) / (1 << shift);
    if to > from { from + part } else { from - part }
}

/// The timers of this member.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) heartbeat: Duration,
    /// The silence after which an election may begin, and by which it begins.
    election: (Duration, Duration),
    /// Whether they follow the distance.
    adapts: bool,
}

impl Patience {
    pub(crate) fn new(
        heartbeat: Duration,
        election: (Duration, Duration),
        adapts: bool,
    ) -> Patience {
        assert!(
            election.0 < election.1,
            "members must not begin at the same time"
        );
        Patience {
            heartbeat,
            election,
            adapts,
        }
    }

    /// While a leader is silent for less, nobody gets a vote against it.
    pub(crate) fn lease(&self, slack: Duration) -> Duration {
        self.election.0 + self.grown(slack)
    }

    /// How much later than others a member may begin: enough to be heard before they do.
    pub(crate) fn spread(&self, slack: Duration) -> Duration {
        self.election.1 - self.election.0 + self.grown(slack) / 2
    }

    /// The silence after which every member has begun an election.
    pub(crate) fn longest(&self, slack: Duration) -> Duration {
        self.lease(slack) + self.spread(slack)
    }

    /// Whether timers that stay as they were given are too short for the distance.
    pub(crate) fn is_short_for(&self, slack: Duration) -> bool {
        !self.adapts && slack > self.election.0
    }

    fn grown(&self, slack: Duration) -> Duration {
        if self.adapts { slack } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn patience(adapts: bool) -> Patience {
        Patience::new(millis(100), (millis(550), millis(800)), adapts)
    }

    fn far(round_trip: Duration) -> Duration {
        let mut distance = Distance::default();
        (0..100).for_each(|_| distance.sample(round_trip));
        distance.slack()
    }

    #[test]
    fn patience_grows_with_the_distance_and_shrinks_again() {
        let mut distance = Distance::default();
        let mut last = Duration::ZERO;
        for round_trip in [1, 60, 120, 320, 600].map(millis) {
            (0..100).for_each(|_| distance.sample(round_trip));
            let lease = patience(true).lease(distance.slack());
            // A beat that was lost is there two round trips after the one that showed it.
            assert!(lease > last && lease > millis(500) + 3 * round_trip);
            last = lease;
        }
        (0..600).for_each(|_| distance.sample(millis(1)));
        assert!(patience(true).lease(distance.slack()) < millis(560));
    }

    #[test]
    fn a_hiccup_is_remembered_for_a_while_and_an_outage_is_no_distance() {
        let mut distance = Distance::default();
        distance.sample(millis(1));
        distance.sample(millis(300));
        assert!(distance.slack() > millis(300));
        distance.sample(Duration::from_secs(60));
        assert!(distance.slack() < 5 * ROUND_TRIP_MAX);
    }

    #[test]
    fn given_timers_stay_and_are_told_to_be_short() {
        let given = patience(false);
        assert_eq!(given.lease(far(millis(600))), millis(550));
        assert_eq!(given.longest(far(millis(600))), millis(800));
        assert!(given.is_short_for(far(millis(320))) && !given.is_short_for(far(millis(60))));
        assert!(!patience(true).is_short_for(far(millis(600))));
    }
}
