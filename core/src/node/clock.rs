//! Cluster time (see docs/ARCHITECTURE.md, "Time"). The clock of a leader starts from the state's
//! clock once the blank entry of its own term is applied here, and then follows this process's
//! monotonic time, a bounded step a sample: a process that was stopped, frozen or starved does not
//! wake up and expire everybody. The cluster's wall clock is never moved by one machine's alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use super::pulse::Voters;
use super::walls::Walls;
use crate::types::{ClusterMillis, MemberId, Now, Stamp, Term, UnixMillis};

/// How often a leader's clock is sampled at least.
pub(crate) const SAMPLE_INTERVAL: Duration = Duration::from_millis(25);
/// The most that one sample adds to the cluster clock. The wall clock goes on through a pause: it
/// says what time it is, and not how long somebody has lived.
const STEP_MAX: Duration = Duration::from_millis(200);
/// How much of the elapsed time the wall clock may be pulled towards what a majority shows, in
/// percent.
const SLEW_PERCENT: i64 = 10;

/// Where time comes from: the machine, or a simulator.
pub trait TimeSource: Send + Sync + 'static {
    /// Monotonic, from any fixed point.
    fn elapsed(&self) -> Duration;
    /// The machine's wall clock; may jump.
    fn wall(&self) -> UnixMillis;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct MachineTime {
    start: std::time::Instant,
}

impl Default for MachineTime {
    fn default() -> Self {
        MachineTime {
            start: std::time::Instant::now(),
        }
    }
}

impl TimeSource for MachineTime {
    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn wall(&self) -> UnixMillis {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The cluster clock as a leader runs it.
pub(crate) struct LeaderClock {
    source: Arc<dyn TimeSource>,
    running: Mutex<Option<Running>>,
    walls: Mutex<Walls>,
}

#[derive(Clone, Copy)]
struct Running {
    term: Term,
    clock: Duration,
    wall: Duration,
    sampled: Duration,
    /// Whether the wall clock was set by what a majority shows.
    is_set: bool,
}

impl LeaderClock {
    pub(crate) fn new(source: Arc<dyn TimeSource>, own: MemberId) -> LeaderClock {
        LeaderClock {
            source,
            running: Mutex::new(None),
            walls: Mutex::new(Walls::new(own)),
        }
    }

    /// What this machine's wall clock shows.
    pub(crate) fn machine_wall(&self) -> UnixMillis {
        self.source.wall()
    }

    /// This member leads, of those voters; `is_news`: it did not before.
    pub(crate) fn lead(&self, voters: Voters, is_news: bool) {
        let mut walls = self.walls.lock();
        walls.set_voters(voters);
        if is_news {
            walls.begin_anew();
        }
    }

    /// Another member's wall clock showed that.
    pub(crate) fn hear(&self, member: MemberId, wall: UnixMillis) {
        self.walls.lock().hear(member, wall, self.source.elapsed());
    }

    /// How far the voters' wall clocks are ahead of the cluster's, as far as this leader knows.
    pub(crate) fn wall_distances(&self, term: Term) -> BTreeMap<MemberId, i64> {
        let Some(stamp) = self.stamp(term) else {
            return BTreeMap::new();
        };
        let (own, now) = (self.source.wall(), self.source.elapsed());
        self.walls.lock().distances(own, stamp.wall, now)
    }

    /// The blank entry that opens `term` was applied here, on a state with these clocks.
    pub(crate) fn term_opened(&self, term: Term, state: Now) {
        *self.running.lock() = Some(Running {
            term,
            clock: Duration::from_millis(state.clock.0),
            wall: Duration::from_millis(state.wall.0),
            sampled: self.source.elapsed(),
            is_set: false,
        });
    }

    /// The stamp for something proposed now by the leader of `term`; none before that term's
    /// blank entry is applied here and the wall clocks of a majority are known.
    pub(crate) fn stamp(&self, term: Term) -> Option<Stamp> {
        let mut running = self.running.lock();
        let running = running.as_mut().filter(|running| running.term == term)?;
        let now = self.source.elapsed();
        let reached = self.walls.lock().reached(self.source.wall(), now)?;
        let passed = now.saturating_sub(running.sampled);
        running.sampled = now;
        running.clock += passed.min(STEP_MAX);
        running.wall = match std::mem::replace(&mut running.is_set, true) {
            true => running.wall + slewed(passed, running.wall, reached),
            // A cluster that was down, or had no leader, goes on at the time that it is now.
            false => running.wall.max(Duration::from_millis(reached.0)),
        };
        Some(Stamp {
            term,
            clock: ClusterMillis(running.clock.as_millis() as u64),
            wall: UnixMillis(running.wall.as_millis() as u64),
        })
    }

    /// Keeps the steps small. Called at least every `SAMPLE_INTERVAL`.
    pub(crate) fn sample(&self) {
        let term = self.running.lock().map(|running| running.term);
        if let Some(term) = term {
            self.stamp(term);
        }
    }
}

/// The step of the cluster's wall clock: the elapsed time, pulled a little towards what a majority
/// has reached.
fn slewed(passed: Duration, ours: Duration, reached: UnixMillis) -> Duration {
    let micros = passed.as_micros() as i64;
    let behind = reached.0 as i64 * 1_000 - (ours + passed).as_micros() as i64;
    let pull = behind.clamp(-micros * SLEW_PERCENT / 100, micros * SLEW_PERCENT / 100);
    Duration::from_micros((micros + pull) as u64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::types::Deadline;

    #[derive(Default)]
    struct Hands {
        elapsed_micros: AtomicU64,
        wall_ms: AtomicU64,
    }

    impl TimeSource for Hands {
        fn elapsed(&self) -> Duration {
            Duration::from_micros(self.elapsed_micros.load(Ordering::Relaxed))
        }

        fn wall(&self) -> UnixMillis {
            UnixMillis(self.wall_ms.load(Ordering::Relaxed))
        }
    }

    /// The clock of the only voter.
    fn sole(hands: &Arc<Hands>) -> LeaderClock {
        let clock = LeaderClock::new(hands.clone(), 1);
        clock.lead(vec![BTreeSet::from([1])], true);
        clock
    }

    fn state_at(clock: u64) -> Now {
        Now {
            clock: ClusterMillis(clock),
            wall: UnixMillis(0),
        }
    }

    /// A lock for 5 ms was free after 4.1: the stamps that set and ended it were both cut to whole
    /// milliseconds.
    #[test]
    fn no_life_is_over_early_whenever_it_was_set() {
        const TTL_MS: u64 = 5;
        for set_micros in (0..3_000).step_by(50) {
            for end_micros in (set_micros..set_micros + 8_000).step_by(50) {
                let hands = Arc::new(Hands::default());
                let clock = sole(&hands);
                clock.term_opened(1, state_at(1_000));
                let stamp = |micros| {
                    hands.elapsed_micros.store(micros, Ordering::Relaxed);
                    clock.stamp(1).expect("its term").now()
                };
                let deadline = Deadline::Clock(stamp(set_micros).plus(TTL_MS));
                let is_over = deadline.is_over(stamp(end_micros));
                let lived = Duration::from_micros(end_micros - set_micros);
                assert!(
                    !is_over || lived >= Duration::from_millis(TTL_MS),
                    "after {lived:?}"
                );
                assert!(is_over || lived <= Duration::from_millis(TTL_MS + 1));
            }
        }
    }

    #[test]
    fn a_pause_adds_one_step_only() {
        let hands = Arc::new(Hands::default());
        let clock = sole(&hands);
        assert_eq!(
            clock.stamp(1),
            None,
            "no stamp before the term's blank entry"
        );
        clock.term_opened(1, state_at(1_000));
        hands.elapsed_micros.store(50_000, Ordering::Relaxed);
        assert_eq!(clock.stamp(1).map(|s| s.clock), Some(ClusterMillis(1_050)));
        hands.elapsed_micros.store(60_000_000, Ordering::Relaxed);
        let stamp = clock.stamp(1).expect("its term");
        assert_eq!(stamp.clock, ClusterMillis(1_250));
        assert!(stamp.wall >= UnixMillis(50_000), "the wall clock goes on");
        assert_eq!(clock.stamp(2), None, "a stamp is of its own term");
    }

    #[test]
    fn a_leader_whose_wall_clock_is_wrong_moves_nothing() {
        const YEAR: u64 = 365 * 24 * 3_600_000;
        for wrong in [0, 90 * YEAR] {
            let hands = Arc::new(Hands::default());
            hands.wall_ms.store(wrong, Ordering::Relaxed);
            let clock = LeaderClock::new(hands.clone(), 1);
            clock.lead(vec![BTreeSet::from([1, 2, 3])], true);
            clock.term_opened(1, state_at(0));
            assert_eq!(clock.stamp(1), None, "the others are to be heard first");
            clock.hear(2, UnixMillis(50 * YEAR));
            clock.hear(3, UnixMillis(50 * YEAR));
            let wall = clock.stamp(1).map(|stamp| stamp.wall);
            assert_eq!(wall, Some(UnixMillis(50 * YEAR)));
            let distances = clock.wall_distances(1);
            let own = wrong as i64 - 50 * YEAR as i64;
            assert_eq!(distances, BTreeMap::from([(1, own), (2, 0), (3, 0)]));
        }
    }

    /// It ran ahead by a sample: what had passed counted as what it was behind, too.
    #[test]
    fn where_nothing_is_wrong_it_shows_what_the_machine_shows() {
        let hands = Arc::new(Hands::default());
        hands.wall_ms.store(1_000_000, Ordering::Relaxed);
        let clock = sole(&hands);
        clock.term_opened(1, state_at(0));
        for step in 0..400_u64 {
            let elapsed_ms = step * 25 + step % 7;
            let wall = 1_000_000 + elapsed_ms;
            hands
                .elapsed_micros
                .store(elapsed_ms * 1_000, Ordering::Relaxed);
            hands.wall_ms.store(wall, Ordering::Relaxed);
            let shown = clock.stamp(1).expect("its term").wall.0;
            assert_eq!(shown, wall, "step {step}");
        }
    }

    #[test]
    fn the_wall_is_pulled_slowly_and_never_goes_back() {
        let hands = Arc::new(Hands::default());
        hands.wall_ms.store(1_000_000, Ordering::Relaxed);
        let clock = sole(&hands);
        clock.term_opened(1, state_at(0));
        assert_eq!(clock.stamp(1).map(|s| s.wall), Some(UnixMillis(1_000_000)));
        hands.elapsed_micros.store(100_000, Ordering::Relaxed);
        hands.wall_ms.store(5, Ordering::Relaxed);
        assert_eq!(clock.stamp(1).map(|s| s.wall), Some(UnixMillis(1_000_090)));
        hands.elapsed_micros.store(200_000, Ordering::Relaxed);
        hands.wall_ms.store(90_000_000, Ordering::Relaxed);
        assert_eq!(clock.stamp(1).map(|s| s.wall), Some(UnixMillis(1_000_200)));
    }
}
