//! A fault of connections: those between two members, or one direction of them, fall silent for
//! ever, and nobody hears of their end. New ones work, so soon every member serves again.

use crate::entropy::Dice;
use crate::faults::Script;
use crate::member::{MEMBERS, Member};
use crate::network::MemberNumber;
use crate::world::World;

/// To find out, to connect anew and, if need be, to elect.
const NOTICED_MS: u64 = 2_000;
/// A request that was sent then.
const SERVED_MS: u64 = 3_000;

pub struct SilentPeer {
    since: u64,
}

impl SilentPeer {
    pub fn begin(world: &mut World, leader: MemberNumber, dice: &mut Dice) -> Box<dyn Script> {
        let one = (leader + [0, 0, 0, 1][dice.range(0, 4) as usize]) % MEMBERS;
        let other = (one + 1 + dice.range(0, 2) as usize) % MEMBERS;
        let (there, back) = [(true, true), (true, false), (false, true)][dice.range(0, 3) as usize];
        if there {
            world.net.silence(one, other);
        }
        if back {
            world.net.silence(other, one);
        }
        let line = format_args!("silence {one} {there} {other} {back}");
        world.trace.line(world.now, line);
        let since = world.now + NOTICED_MS;
        Box::new(SilentPeer { since })
    }
}

impl Script for SilentPeer {
    fn tick(&mut self, world: &mut World) -> Result<bool, String> {
        if world.all_have_served(self.since) {
            return Ok(false);
        }
        if world.now < self.since + SERVED_MS {
            return Ok(true);
        }
        let states: Vec<_> = world.members.iter().map(Member::describe).collect();
        let since = self.since - NOTICED_MS;
        Err(format!(
            "not all serve, though connections alone fell silent, at {since}: {states:#?}"
        ))
    }
}
