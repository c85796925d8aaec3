//! A fault that is none: a member is told to stop. It does, in time, and then the power goes; what
//! it had applied is there when it starts again, without anybody's help.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quorate_core::types::Revision;

use crate::entropy::Dice;
use crate::faults::Script;
use crate::member::MEMBERS;
use crate::network::MemberNumber;
use crate::world::World;

/// The most that stopping may take.
const STOP_MS: u64 = 5_000;

pub struct OrderlyShutdown {
    member: MemberNumber,
    stopped: Arc<AtomicBool>,
    stops_by: u64,
    down_ms: u64,
    /// When it starts again, and the revision that it must have then.
    restart: Option<(u64, Revision)>,
}

impl OrderlyShutdown {
    pub fn begin(world: &mut World, leader: MemberNumber, dice: &mut Dice) -> Box<dyn Script> {
        let member = (leader + [0, 0, 1, 2][dice.range(0, 4) as usize]) % MEMBERS;
        let stopped = Arc::new(AtomicBool::new(false));
        world.members[member].may_stop_now();
        let node = world.members[member].node().expect("all are open");
        let told = stopped.clone();
        world.members[member].spawn(async move {
            node.shutdown().await;
            told.store(true, Ordering::Relaxed);
        });
        Box::new(OrderlyShutdown {
            member,
            stopped,
            stops_by: world.now + STOP_MS,
            down_ms: dice.range(1, 1_000),
            restart: None,
        })
    }
}

impl Script for OrderlyShutdown {
    fn tick(&mut self, world: &mut World) -> Result<bool, String> {
        let (now, number) = (world.now, self.member);
        let node = world.members[number].node();
        match self.restart {
            None if self.stopped.load(Ordering::Relaxed) => {
                let node = node.ok_or(format!("member {number} is gone before its power"))?;
                let revision = node.revision();
                world.members[number].crash();
                self.restart = Some((now + self.down_ms, revision));
            }
            None if now > self.stops_by => {
                return Err(format!("member {number} does not stop in {STOP_MS} ms"));
            }
            Some((at, _)) if at == now => world.start(number),
            Some((at, before)) if at < now => {
                let Some(node) = node else { return Ok(true) };
                let revision = node.revision();
                if revision < before {
                    return Err(format!(
                        "member {number} stopped at revision {before}, starts at {revision}"
                    ));
                }
                return Ok(false);
            }
            _ => {}
        }
        Ok(true)
    }
}
