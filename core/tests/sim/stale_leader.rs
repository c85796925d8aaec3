//! A fault of several steps, for reads: the leader's process stops, another leads, and when the old
//! one goes on it is still cut off, so that nothing tells it that its time is over.

use crate::entropy::Dice;
use crate::faults::Script;
use crate::network::MemberNumber;
use crate::world::World;

pub struct StaleLeader {
    heal_at: u64,
}

impl StaleLeader {
    pub fn begin(world: &mut World, leader: MemberNumber, dice: &mut Dice) -> Box<dyn Script> {
        world.net.isolate(leader);
        // The others elect after one to three election time-outs.
        let wakes_at = world.now + dice.range(1_000, 3_000);
        world.paused_until[leader] = wakes_at;
        let heal_at = wakes_at + dice.range(50, 1_000);
        Box::new(StaleLeader { heal_at })
    }
}

impl Script for StaleLeader {
    fn tick(&mut self, world: &mut World) -> Result<bool, String> {
        if world.now < self.heal_at {
            return Ok(true);
        }
        world.net.heal();
        world
            .trace
            .line(world.now, format_args!("the network heals"));
        Ok(false)
    }
}
