//! A fault of disks: a member starts on one that is not what it had acknowledged. It is empty, in
//! whole or in part, or an older copy, or another member's. Such a member takes part in nothing and
//! ends with the remedy. Then the right disk is put back, and it goes on.
//!
//! An empty disk is where a vote does most harm: one member has missed the latest writes, the
//! leader is cut off, and the votes of these two would elect whoever has missed them. A copy of
//! everything that is whole and older can't be told from the disk as it was, so that is not played.

use std::sync::Arc;

use quorate_core::disk::SimDisk;
use quorate_core::types::Index;

use crate::entropy::Dice;
use crate::faults::Script;
use crate::medium::SimMedium;
use crate::member::{Disks, MEMBERS};
use crate::network::MemberNumber;
use crate::world::World;

/// How long a member on a wrong disk may take until it ends.
const ENDS_MS: u64 = 5_000;
/// A copy is older by so many entries, and the log's mark of them is on disk by then.
const OLDER_BY: Index = 50;
const MARKED_MS: u64 = 400;
/// The remedy that is told is one of these.
const REMEDIES: [&str; 4] = [
    "remove this member from the cluster",
    "remove the member from the cluster",
    "restore this member from a backup",
    "point --data-dir at",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    Wiped,
    /// And the member that then could be elected has missed writes.
    WipedBeforeOneBehind,
    LogWiped,
    LogOlder,
    StoreWiped,
    StoreOlder,
    Swapped,
    LogsSwapped,
}

const LOSSES: [Loss; 10] = [
    Loss::Wiped,
    Loss::WipedBeforeOneBehind,
    Loss::WipedBeforeOneBehind,
    Loss::WipedBeforeOneBehind,
    Loss::LogWiped,
    Loss::LogOlder,
    Loss::StoreWiped,
    Loss::StoreOlder,
    Loss::Swapped,
    Loss::LogsSwapped,
];

impl Loss {
    /// A store can be filled again, from a log that has everything.
    fn may_be_mended(self) -> bool {
        matches!(self, Loss::StoreWiped | Loss::StoreOlder)
    }

    fn is_of_two(self) -> bool {
        matches!(self, Loss::Swapped | Loss::LogsSwapped)
    }
}

/// What is put back in the end.
enum Right {
    Everything(Disks),
    Log(SimDisk),
    Store(Arc<SimMedium>),
    /// Was exchanged with the other's.
    Exchanged,
}

enum Step {
    /// The power goes at `at`, if the copy is old enough by then.
    Before {
        at: u64,
        log: SimDisk,
        store: Arc<SimMedium>,
        index: Index,
    },
    Dark {
        restart_at: u64,
        right: Right,
    },
    Wrong {
        ends_by: u64,
        right: Right,
    },
}

pub struct LostDisk {
    member: MemberNumber,
    other: MemberNumber,
    leader: MemberNumber,
    loss: Loss,
    gives_up_at: u64,
    /// None while it is being taken.
    step: Option<Step>,
    dice: Dice,
}

impl LostDisk {
    pub fn begin(world: &mut World, leader: MemberNumber, dice: &mut Dice) -> Box<dyn Script> {
        let mut dice = dice.fork();
        let loss = LOSSES[dice.range(0, LOSSES.len() as u64) as usize];
        let shift = dice.range(1, 3) as usize;
        let (mut member, other) = ((leader + shift) % MEMBERS, (leader + 3 - shift) % MEMBERS);
        match loss {
            Loss::WipedBeforeOneBehind => world.net.isolate(other),
            _ if dice.once_in(3) => member = leader,
            _ => {}
        }
        let line = format_args!("{loss:?} {member} {other}");
        world.trace.line(world.now, line);
        let its = &world.members[member];
        let (log, store) = (its.disk.fork(), its.medium.killed());
        log.kill();
        let step = Step::Before {
            at: world.now + dice.range(300, 1_500),
            log,
            store: Arc::new(store),
            index: its.node().map_or(0, |node| node.local_barrier().index),
        };
        Box::new(LostDisk {
            member,
            other,
            leader,
            loss,
            gives_up_at: world.now + 2 * ENDS_MS,
            step: Some(step),
            dice,
        })
    }

    fn concerned(&self) -> impl Iterator<Item = MemberNumber> + use<> {
        let other = self.loss.is_of_two().then_some(self.other);
        [self.member].into_iter().chain(other)
    }

    /// The power goes, and the disk is another when it comes back.
    fn lose(&mut self, world: &mut World, log: SimDisk, store: Arc<SimMedium>) -> Step {
        self.concerned()
            .for_each(|member| world.members[member].crash());
        let member = &mut world.members[self.member];
        let right = match self.loss {
            Loss::Wiped | Loss::WipedBeforeOneBehind => Right::Everything(member.wipe()),
            Loss::LogWiped => Right::Log(member.take_log()),
            Loss::LogOlder => {
                let right = member.take_log();
                member.disk = log;
                Right::Log(right)
            }
            Loss::StoreWiped => Right::Store(std::mem::take(&mut member.medium)),
            Loss::StoreOlder => Right::Store(std::mem::replace(&mut member.medium, store)),
            Loss::Swapped | Loss::LogsSwapped => {
                self.exchange(world);
                Right::Exchanged
            }
        };
        if self.loss == Loss::WipedBeforeOneBehind {
            world.net.heal();
            world.net.isolate(self.leader);
        }
        Step::Dark {
            restart_at: world.now + self.dice.range(1, 100),
            right,
        }
    }

    fn exchange(&self, world: &mut World) {
        let both = [self.member, self.other];
        if self.loss == Loss::LogsSwapped {
            let [one, other] = both.map(|at| world.members[at].take_log());
            world.members[self.member].put_log(other);
            world.members[self.other].put_log(one);
            return;
        }
        let [one, other] = both.map(|at| world.members[at].wipe());
        world.members[self.member].put_in_place(other);
        world.members[self.other].put_in_place(one);
    }

    /// Whether all that must have ended have, as they must.
    fn has_ended(&self, world: &World) -> Result<bool, String> {
        for number in self.concerned() {
            let Some(why) = world.members[number].fatal() else {
                return Ok(false);
            };
            if !REMEDIES.iter().any(|remedy| why.contains(remedy)) {
                return Err(format!(
                    "{:?} of member {number}, no remedy: {why}",
                    self.loss
                ));
            }
        }
        Ok(true)
    }

    fn restore(&self, world: &mut World, right: Right) {
        self.concerned()
            .for_each(|member| world.members[member].kill());
        let member = &mut world.members[self.member];
        match right {
            Right::Everything(disks) => member.put_in_place(disks),
            Right::Log(log) => member.put_log(log),
            Right::Store(store) => member.medium = store,
            Right::Exchanged => self.exchange(world),
        }
        world.net.heal();
        self.concerned().for_each(|member| world.start(member));
    }

    /// The next step; none at the end.
    fn next(&mut self, world: &mut World, step: Step) -> Result<Option<Step>, String> {
        let now = world.now;
        let node = world.members[self.member].node();
        match step {
            Step::Before { at, log, store, .. } if at <= now => {
                Ok(Some(self.lose(world, log, store)))
            }
            Step::Before {
                mut at,
                log,
                store,
                index,
            } => {
                let is_older =
                    node.is_some_and(|node| node.local_barrier().index > index + OLDER_BY);
                if self.loss == Loss::LogOlder && !is_older {
                    at = at.max(now + MARKED_MS);
                }
                let step = Step::Before {
                    at,
                    log,
                    store,
                    index,
                };
                Ok((now < self.gives_up_at).then_some(step))
            }
            Step::Dark { restart_at, right } if restart_at <= now => {
                for member in self.concerned() {
                    world.start(member);
                    world.members[member].may_stop_now();
                }
                let ends_by = now + ENDS_MS;
                Ok(Some(Step::Wrong { ends_by, right }))
            }
            Step::Wrong { right, .. } if self.has_ended(world)? => {
                self.restore(world, right);
                Ok(None)
            }
            Step::Wrong { .. } if self.loss.may_be_mended() && node.is_some() => Ok(None),
            Step::Wrong { ends_by, .. } if ends_by <= now => {
                let (loss, member) = (self.loss, self.member);
                Err(format!(
                    "{now} ms: {loss:?}, but member {member} does not end"
                ))
            }
            step => Ok(Some(step)),
        }
    }
}

impl Script for LostDisk {
    fn tick(&mut self, world: &mut World) -> Result<bool, String> {
        let step = self.step.take().ok_or("it has ended")?;
        self.step = self.next(world, step)?;
        Ok(self.step.is_some())
    }

    /// Leaves the right disk in its place.
    fn end(&mut self, world: &mut World) {
        if let Some(Step::Dark { right, .. } | Step::Wrong { right, .. }) = self.step.take() {
            self.restore(world, right);
        }
    }
}
