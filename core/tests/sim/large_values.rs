//! A fault of several steps, for what is sent to a member that has missed much: it is cut off while
//! values are written that together are longer than any message may be. When the cut heals it gets
//! them all, though nothing else happens that would let it have a snapshot instead.

use crate::entropy::Dice;
use crate::faults::Script;
use crate::history::Request;
use crate::member::MEMBERS;
use crate::network::MemberNumber;
use crate::world::World;

/// Three are nearly as long as an entry may be, and all of them longer than a frame.
const VALUE_BYTES: usize = 1_300_000;
const AT_ONCE: usize = 3;
const TIMES: usize = 10;
/// What was under way ends, and the connections of who is away are given up: what waits in them
/// would come in by itself, piece by piece.
const SETTLES_MS: u64 = 1_500;
const WRITTEN_MS: u64 = 4_000;
const CAUGHT_UP_MS: u64 = 5_000;

enum Step {
    Writing { at: u64, times: usize },
    CatchingUp { until: u64 },
}

pub struct LargeValues {
    leader: MemberNumber,
    away: MemberNumber,
    gives_up_at: u64,
    unique: u64,
    step: Step,
}

impl LargeValues {
    pub fn begin(world: &mut World, leader: MemberNumber, dice: &mut Dice) -> Box<dyn Script> {
        let away = (leader + dice.range(1, 3) as usize) % MEMBERS;
        world.is_quiet = true;
        Box::new(LargeValues {
            leader,
            away,
            gives_up_at: world.now + SETTLES_MS + WRITTEN_MS,
            unique: world.now,
            step: Step::Writing {
                at: world.now + SETTLES_MS,
                times: 0,
            },
        })
    }

    fn requests(&self, nth: usize) -> Vec<Request> {
        let put = |which| Request::Put {
            key: format!("redis/0/large{which}"),
            value: format!("{}-{nth}-{which}+{VALUE_BYTES}", self.unique),
        };
        (0..AT_ONCE).map(put).collect()
    }

    /// Whether it goes on.
    fn write(&mut self, world: &mut World, at: u64, times: usize) -> bool {
        let now = world.now;
        world.net.isolate(self.away);
        if now < at {
            return true;
        }
        if !world.has_posted() {
            return now < self.gives_up_at;
        }
        if times == TIMES {
            world.net.heal();
            let until = now + CAUGHT_UP_MS;
            self.step = Step::CatchingUp { until };
            return true;
        }
        self.step = Step::Writing {
            at,
            times: times + 1,
        };
        world.post(self.leader, self.requests(times))
    }
}

impl Script for LargeValues {
    fn tick(&mut self, world: &mut World) -> Result<bool, String> {
        let goes_on = match self.step {
            Step::Writing { at, times } => self.write(world, at, times),
            Step::CatchingUp { until } => {
                let index = |at: MemberNumber| {
                    let node = world.members[at].node();
                    node.map(|node| node.local_barrier().index)
                };
                let (leader, away) = (index(self.leader), index(self.away));
                if leader > away && until < world.now {
                    return Err(format!(
                        "{} ms: member {} is at {away:?}, its leader at {leader:?}",
                        world.now, self.away
                    ));
                }
                leader > away
            }
        };
        if !goes_on {
            self.end(world);
        }
        Ok(goes_on)
    }

    fn end(&mut self, world: &mut World) {
        world.net.heal();
        world.is_quiet = false;
    }
}
