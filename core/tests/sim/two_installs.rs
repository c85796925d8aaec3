//! A fault of several steps: a member has missed so much that it is sent a snapshot, and while that
//! comes in, or has come in and is put in place, its connections break, again and again, so that
//! the next one begins while its disk still works for the one before.

use quorate_core::types::Index;

use crate::entropy::Dice;
use crate::faults::Script;
use crate::member::MEMBERS;
use crate::network::MemberNumber;
use crate::world::World;

/// More than are left in the log after a snapshot.
const MISSED: Index = 300;
const MISSED_BY_MS: u64 = 6_000;
const BREAKS_MS: u64 = 3_000;
/// About as many as an install has; one of them takes longer than the connection lasts.
const WORKS: u64 = 9;
const CAUGHT_UP_MS: u64 = 4_000;

enum Step {
    /// Until enough was missed.
    Away {
        until: u64,
    },
    Breaking {
        until: u64,
        next: u64,
    },
    CatchingUp {
        index: Index,
        until: u64,
    },
}

pub struct TwoInstalls {
    leader: MemberNumber,
    away: MemberNumber,
    step: Step,
    dice: Dice,
}

impl TwoInstalls {
    pub fn begin(world: &mut World, leader: MemberNumber, dice: &mut Dice) -> Box<dyn Script> {
        let away = (leader + dice.range(1, 3) as usize) % MEMBERS;
        world.net.isolate(away);
        Box::new(TwoInstalls {
            leader,
            away,
            step: Step::Away {
                until: world.now + MISSED_BY_MS,
            },
            dice: dice.fork(),
        })
    }
}

fn index(world: &World, member: MemberNumber) -> Index {
    let node = world.members[member].node();
    node.map_or(0, |node| node.local_barrier().index)
}

impl Script for TwoInstalls {
    fn tick(&mut self, world: &mut World) -> Result<bool, String> {
        let now = world.now;
        let (leader, away) = (index(world, self.leader), index(world, self.away));
        match self.step {
            Step::Away { until } if leader > away + MISSED || until <= now => {
                world.net.heal();
                let until = now + BREAKS_MS;
                self.step = Step::Breaking { until, next: now };
            }
            Step::Away { .. } => {}
            Step::Breaking { until, .. } if until <= now => {
                let until = now + CAUGHT_UP_MS;
                let index = leader;
                self.step = Step::CatchingUp { index, until };
            }
            Step::Breaking { until, next } if next <= now => {
                for other in (0..MEMBERS).filter(|other| *other != self.away) {
                    world.net.reset(other, self.away);
                }
                let nth = self.dice.range(1, WORKS);
                world.members[self.away].slow_down(nth);
                let next = now + self.dice.range(100, 400);
                self.step = Step::Breaking { until, next };
            }
            Step::Breaking { .. } => {}
            Step::CatchingUp { index, .. } if away >= index => return Ok(false),
            Step::CatchingUp { index, until } if until <= now => {
                let member = self.away;
                return Err(format!(
                    "{now} ms: member {member} is at {away}, not {index}"
                ));
            }
            Step::CatchingUp { .. } => {}
        }
        Ok(true)
    }
}
