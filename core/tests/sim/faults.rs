//! Faults under the seed's dice: each has an end, and a few may overlap.

use std::collections::BTreeMap;

use crate::entropy::Dice;
use crate::failing_disk::FailingDisk;
use crate::forgotten_vote::ForgottenVote;
use crate::large_values::LargeValues;
use crate::lost_disk::LostDisk;
use crate::member::MEMBERS;
use crate::network::MemberNumber;
use crate::orderly_shutdown::OrderlyShutdown;
use crate::silent_peer::SilentPeer;
use crate::stale_leader::StaleLeader;
use crate::two_installs::TwoInstalls;
use crate::world::World;

/// What may happen, as the summary names it, and how often among so many in all.
pub const KINDS: [(&str, u64); 18] = [
    ("crash", 8),
    ("crash of all", 4),
    ("torn write", 4),
    ("kill", 4),
    ("isolation", 8),
    ("one-way cut", 4),
    ("cut between two", 4),
    ("slow network", 4),
    ("reset", 4),
    ("pause", 6),
    ("forgotten vote", 8),
    ("stale leader", 4),
    ("failing disk", 8),
    ("orderly shutdown", 4),
    ("silent peer", 4),
    ("lost disk", 8),
    ("two installs", 8),
    // It costs much.
    ("large values", 2),
];

/// A fault in several steps.
pub trait Script {
    /// False once it is over.
    ///
    /// # Errors
    /// What did not follow as it must.
    fn tick(&mut self, world: &mut World) -> Result<bool, String>;

    /// All faults end now, before it is over.
    fn end(&mut self, _world: &mut World) {}
}

pub struct Faults {
    dice: Dice,
    next_at: u64,
    heal_at: Option<u64>,
    /// When a member's power goes for good, after it was told to fail.
    dying: [Option<u64>; MEMBERS],
    restart_at: [Option<u64>; MEMBERS],
    /// While it lasts nothing else happens.
    script: Option<Box<dyn Script>>,
    counts: BTreeMap<&'static str, u64>,
}

impl Faults {
    pub fn new(dice: Dice) -> Faults {
        Faults {
            dice,
            next_at: 1_500,
            heal_at: None,
            dying: [None; MEMBERS],
            restart_at: [None; MEMBERS],
            script: None,
            counts: BTreeMap::new(),
        }
    }

    pub fn summary(&self) -> String {
        format!("{:?}", self.counts)
    }

    pub fn tick(&mut self, world: &mut World) -> Result<(), String> {
        self.end_what_is_due(world);
        if let Some(script) = &mut self.script
            && !script.tick(world)?
        {
            self.script = None;
        }
        if world.now >= self.next_at && self.script.is_none() {
            self.next_at = world.now + self.dice.range(200, 2_500);
            self.happen(world);
        }
        Ok(())
    }

    /// Ends all faults.
    pub fn heal(&mut self, world: &mut World) -> Result<(), String> {
        world.net.heal();
        if let Some(mut script) = self.script.take() {
            script.end(world);
        }
        world.paused_until = world.paused_until.map(|until| until.min(world.now));
        for member in 0..MEMBERS {
            world.members[member].stall_log(0);
            self.dying[member] = None;
            if world.members[member].may_stop() {
                world.members[member].crash();
            }
            if !world.members[member].is_running() {
                world.start(member);
            }
        }
        self.restart_at = [None; MEMBERS];
        world.trace.line(world.now, format_args!("heal"));
        Ok(())
    }

    fn end_what_is_due(&mut self, world: &mut World) {
        let now = world.now;
        if self.heal_at.take_if(|at| *at <= now).is_some() {
            world.net.heal();
            world.trace.line(now, format_args!("network heals"));
        }
        for member in 0..MEMBERS {
            if self.dying[member].take_if(|at| *at <= now).is_some() {
                world.members[member].crash();
                world
                    .trace
                    .line(now, format_args!("power is gone at {member}"));
                self.restart_later(world, member);
            }
            if self.restart_at[member].take_if(|at| *at <= now).is_some() {
                world.start(member);
            }
        }
    }

    fn restart_later(&mut self, world: &mut World, member: MemberNumber) {
        let down = match self.dice.range(0, 4) {
            0 => self.dice.range(2_000, 8_000),
            _ => self.dice.range(20, 1_500),
        };
        world.paused_until[member] = 0;
        self.restart_at[member] = Some(world.now + down);
    }

    fn happen(&mut self, world: &mut World) {
        let member = self.dice.range(0, MEMBERS as u64) as usize;
        let other = (member + 1 + self.dice.range(0, 2) as usize) % MEMBERS;
        let lasting = self.dice.range(100, 4_000);
        let kind = match self.pick() {
            "crash" => self.crash(world, member, "crash"),
            "crash of all" => {
                for member in 0..MEMBERS {
                    self.crash(world, member, "crash");
                }
                "crash of all"
            }
            "torn write" => self.tear(world, member),
            "kill" => self.kill(world, member),
            "isolation" => {
                world.net.isolate(member);
                "isolation"
            }
            "one-way cut" => {
                world.net.cut(member, other);
                "one-way cut"
            }
            "cut between two" => {
                world.net.cut(member, other);
                world.net.cut(other, member);
                "cut between two"
            }
            "slow network" => {
                world.net.set_delay(20, self.dice.range(30, 250));
                "slow network"
            }
            "reset" => {
                world.net.reset(member, other);
                "reset"
            }
            "pause" => self.pause(world, member, lasting),
            script => self.begin(world, script),
        };
        if matches!(
            kind,
            "isolation" | "one-way cut" | "cut between two" | "slow network"
        ) {
            self.heal_at = Some(world.now + lasting);
        }
        if self.dice.once_in(3) {
            let by = self.dice.range(0, 172_800_000) as i64 - 86_400_000;
            world.jump_wall(member, by);
        }
        *self.counts.entry(kind).or_default() += 1;
        world
            .trace
            .line(world.now, format_args!("{kind} {member} {other}"));
    }

    fn is_up(&self, world: &World, member: MemberNumber) -> bool {
        world.members[member].is_running() && self.dying[member].is_none()
    }

    fn crash(
        &mut self,
        world: &mut World,
        member: MemberNumber,
        kind: &'static str,
    ) -> &'static str {
        if !self.is_up(world, member) {
            return "nothing";
        }
        world.members[member].crash();
        self.restart_later(world, member);
        kind
    }

    fn kill(&mut self, world: &mut World, member: MemberNumber) -> &'static str {
        if !self.is_up(world, member) {
            return "nothing";
        }
        world.members[member].kill();
        self.restart_later(world, member);
        "kill"
    }

    fn tear(&mut self, world: &mut World, member: MemberNumber) -> &'static str {
        if !self.is_up(world, member) {
            return "nothing";
        }
        world.members[member].arm_power_cut();
        self.dying[member] = Some(world.now + self.dice.range(10, 200));
        "torn write"
    }

    /// One by its weight.
    fn pick(&mut self) -> &'static str {
        let mut at = self
            .dice
            .range(0, KINDS.iter().map(|(_, weight)| weight).sum());
        for (kind, weight) in KINDS {
            match at.checked_sub(weight) {
                Some(left) => at = left,
                None => return kind,
            }
        }
        unreachable!("it was less than all weights")
    }

    /// A fault in several steps begins, if nothing else is under way.
    fn begin(&mut self, world: &mut World, kind: &'static str) -> &'static str {
        // One that has not opened yet can't be told anything.
        let is_open = |member: MemberNumber| world.members[member].node().is_some();
        let is_going = |member| {
            self.is_up(world, member) && is_open(member) && world.paused_until[member] < world.now
        };
        let is_quiet = self.heal_at.is_none() && (0..MEMBERS).all(is_going);
        let Some(leader) = world.leader().filter(|_| is_quiet) else {
            return "nothing";
        };
        let dice = &mut self.dice;
        self.script = Some(match kind {
            "forgotten vote" => ForgottenVote::begin(world, leader, dice),
            "stale leader" => StaleLeader::begin(world, leader, dice),
            "failing disk" => FailingDisk::begin(world, leader, dice),
            "orderly shutdown" => OrderlyShutdown::begin(world, leader, dice),
            "silent peer" => SilentPeer::begin(world, leader, dice),
            "lost disk" => LostDisk::begin(world, leader, dice),
            "large values" => LargeValues::begin(world, leader, dice),
            "two installs" => TwoInstalls::begin(world, leader, dice),
            other => unreachable!("no fault has the name {other}"),
        });
        kind
    }

    fn pause(&mut self, world: &mut World, member: MemberNumber, lasting: u64) -> &'static str {
        if !self.is_up(world, member) {
            return "nothing";
        }
        world.paused_until[member] = world.now + lasting;
        "pause"
    }
}
