//! A fault of several steps, for promises that are only good once they are on disk: the leader is
//! cut off while the log of one of the other two, the voter, gets nothing to disk. Whatever the
//! voter says in the election that follows, it forgets when its power goes; then it wakes up on
//! the old leader's side, and the candidate is cut off.

use crate::entropy::Dice;
use crate::faults::Script;
use crate::member::MEMBERS;
use crate::network::MemberNumber;
use crate::world::World;

/// Longer than what comes before the crash.
const STALL_MS: u64 = 4_000;

pub struct ForgottenVote {
    voter: MemberNumber,
    candidate: MemberNumber,
    crash_at: Option<u64>,
    restart_at: Option<u64>,
    ends_at: u64,
}

impl ForgottenVote {
    pub fn begin(world: &mut World, leader: MemberNumber, dice: &mut Dice) -> Box<dyn Script> {
        let shift = dice.range(1, 3) as usize;
        let (voter, candidate) = ((leader + shift) % MEMBERS, (leader + 3 - shift) % MEMBERS);
        world.net.isolate(leader);
        world.members[voter].stall_log(world.now + STALL_MS);
        // An election begins after one to three election time-outs.
        let crash_at = world.now + dice.range(800, 2_500);
        let restart_at = crash_at + dice.range(1, 100);
        Box::new(ForgottenVote {
            voter,
            candidate,
            crash_at: Some(crash_at),
            restart_at: Some(restart_at),
            ends_at: restart_at + dice.range(500, 2_500),
        })
    }
}

impl Script for ForgottenVote {
    fn tick(&mut self, world: &mut World) -> Result<bool, String> {
        let now = world.now;
        if self.crash_at.take_if(|at| *at <= now).is_some() {
            world.members[self.voter].crash();
            world.net.heal();
            world.net.isolate(self.candidate);
            let (voter, candidate) = (self.voter, self.candidate);
            let line = format_args!("{voter} forgets, {candidate} is cut off");
            world.trace.line(now, line);
        }
        if self.restart_at.take_if(|at| *at <= now).is_some() {
            world.start(self.voter);
        }
        if now < self.ends_at {
            return Ok(true);
        }
        world.net.heal();
        world.trace.line(now, format_args!("the network heals"));
        Ok(false)
    }
}
