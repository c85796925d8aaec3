//! A fault of several steps: a disk of one member fails or is full. A member that can't trust its
//! disk stops, and asks it for nothing more; one whose versions store finds no room waits for some.
//! Then its process is started anew on what the page cache shows, and a while later the power
//! goes: what had not reached the disk when it failed must not have been counted on.

use quorate_core::disk::{Fault, SimOp};

use crate::entropy::Dice;
use crate::faults::Script;
use crate::medium;
use crate::member::{MEMBERS, Member};
use crate::network::MemberNumber;
use crate::world::World;

/// How long a member may go on after its disk has failed.
const DEATH_MS: u64 = 500;
/// How long the trouble may wait for a call that it befalls.
const STRIKES_MS: u64 = 2_000;

#[derive(Clone, Copy, Debug)]
enum Trouble {
    Log(SimOp, Fault),
    Versions(medium::Trouble),
}

const TROUBLES: [Trouble; 8] = [
    Trouble::Log(SimOp::Sync, Fault::Eio),
    Trouble::Log(SimOp::Write, Fault::Eio),
    Trouble::Log(SimOp::Write, Fault::Enospc),
    Trouble::Log(SimOp::Create, Fault::Enospc),
    Trouble::Versions(medium::Trouble::SyncFails),
    Trouble::Versions(medium::Trouble::SyncFails),
    Trouble::Versions(medium::Trouble::WriteFails),
    Trouble::Versions(medium::Trouble::Full(3)),
];

impl Trouble {
    /// Whether the member must stop; none: it may go on, or not.
    fn is_deadly(self) -> Option<bool> {
        match self {
            // Making the next segment early may fail: it is made when it is needed.
            Trouble::Log(SimOp::Create, _) => None,
            Trouble::Versions(medium::Trouble::Full(_)) => Some(false),
            _ => Some(true),
        }
    }
}

enum Step {
    /// Until the trouble strikes, at the count of calls, or time is up.
    Waiting { strikes_at: u64 },
    /// Struck then; syncs of both disks when the member had stopped.
    Struck { at: u64, syncs: Option<(u64, u64)> },
    /// Its process is gone.
    Down { restart_at: u64 },
    /// It runs on what the page cache shows.
    Up { power_goes_at: u64 },
    /// Without power.
    Dark { restart_at: u64 },
}

pub struct FailingDisk {
    member: MemberNumber,
    trouble: Trouble,
    step: Step,
    ends_at: u64,
    dice: Dice,
}

impl FailingDisk {
    pub fn begin(world: &mut World, leader: MemberNumber, dice: &mut Dice) -> Box<dyn Script> {
        let mut dice = dice.fork();
        // The leader half of the time.
        let shift = [0, 0, 1, 2][dice.range(0, 4) as usize];
        let number = (leader + shift) % MEMBERS;
        let trouble = TROUBLES[dice.range(0, TROUBLES.len() as u64) as usize];
        let calls = dice.range(0, 40);
        let member = &mut world.members[number];
        member.may_stop_now();
        let strikes_at = match trouble {
            Trouble::Log(op, fault) => {
                member.disk.fail_nth(op, calls + 1, fault);
                member.disk.count(op) + calls + 1
            }
            Trouble::Versions(trouble) => {
                member.medium.trouble_after(calls, trouble);
                0
            }
        };
        world.trace.line(world.now, format_args!("{trouble:?}"));
        Box::new(FailingDisk {
            member: number,
            trouble,
            step: Step::Waiting { strikes_at },
            ends_at: world.now + STRIKES_MS,
            dice,
        })
    }

    /// After the strike: the member stops if it must, and only then.
    fn judge(&self, at: u64, now: u64, fatal: Option<&str>) -> Result<(), String> {
        let FailingDisk {
            member, trouble, ..
        } = self;
        match (trouble.is_deadly(), fatal) {
            (Some(true), None) if now > at + DEATH_MS => Err(format!(
                "{now} ms: member {member} goes on after {trouble:?} at {at}"
            )),
            (Some(false), Some(why)) => Err(format!(
                "{now} ms: member {member} stopped by {trouble:?}: {why}"
            )),
            _ => Ok(()),
        }
    }

    fn struck(
        &mut self,
        world: &mut World,
        at: u64,
        syncs: Option<(u64, u64)>,
    ) -> Result<Step, String> {
        let (now, member) = (world.now, &mut world.members[self.member]);
        let fatal = member.fatal();
        self.judge(at, now, fatal.as_deref())?;
        if now <= at + DEATH_MS {
            let syncs = syncs.or_else(|| fatal.map(|_| self.syncs(member)));
            return Ok(Step::Struck { at, syncs });
        }
        if let Some(before) = syncs
            && before != self.syncs(member)
        {
            return Err(format!("member {} syncs after it stopped", self.member));
        }
        member.kill();
        let restart_at = now + self.dice.range(1, 300);
        Ok(Step::Down { restart_at })
    }

    /// Syncs of the disk that failed.
    fn syncs(&self, member: &Member) -> (u64, u64) {
        match self.trouble {
            Trouble::Log(..) => (member.disk.count(SimOp::Sync), 0),
            Trouble::Versions(_) => (0, member.medium.syncs()),
        }
    }

    fn has_struck(&self, member: &Member, strikes_at: u64) -> bool {
        match self.trouble {
            Trouble::Log(op, _) => member.disk.count(op) >= strikes_at,
            Trouble::Versions(_) => member.medium.is_well(),
        }
    }

    /// The next step; none at the end.
    fn next(&mut self, world: &mut World) -> Result<Option<Step>, String> {
        let now = world.now;
        let number = self.member;
        let next = match self.step {
            Step::Waiting { strikes_at } => {
                match self.has_struck(&world.members[number], strikes_at) {
                    true => Step::Struck {
                        at: now,
                        syncs: None,
                    },
                    false if now < self.ends_at => Step::Waiting { strikes_at },
                    false => self.power_goes(world),
                }
            }
            Step::Struck { at, syncs } => self.struck(world, at, syncs)?,
            Step::Down { restart_at } if restart_at <= now => {
                world.start(number);
                let power_goes_at = now + self.dice.range(20, 1_500);
                Step::Up { power_goes_at }
            }
            Step::Up { power_goes_at } if power_goes_at <= now => self.power_goes(world),
            Step::Dark { restart_at } if restart_at <= now => {
                world.start(number);
                return Ok(None);
            }
            Step::Down { restart_at } => Step::Down { restart_at },
            Step::Up { power_goes_at } => Step::Up { power_goes_at },
            Step::Dark { restart_at } => Step::Dark { restart_at },
        };
        Ok(Some(next))
    }

    fn power_goes(&mut self, world: &mut World) -> Step {
        world.members[self.member].crash();
        let restart_at = world.now + self.dice.range(1, 300);
        Step::Dark { restart_at }
    }
}

impl Script for FailingDisk {
    fn tick(&mut self, world: &mut World) -> Result<bool, String> {
        let Some(step) = self.next(world)? else {
            return Ok(false);
        };
        self.step = step;
        Ok(true)
    }
}
