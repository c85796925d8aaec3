//! What the running script may still use, and whether it has been ended.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use super::kill::Running;
use super::limits::{INSTRUCTIONS_MAX, WALL_MAX};
use super::place;
use super::raised::{Raised, Stop};

/// One per Lua state; started anew for each script. Once it has run out it stays so, and every
/// look at it raises again, so that no script can swallow its own end.
pub struct Budget {
    running: Arc<Running>,
    deadline: Cell<Instant>,
    instructions: Cell<u64>,
    stopped: Cell<Option<Stop>>,
}

impl Budget {
    pub fn new(running: Arc<Running>) -> Budget {
        Budget {
            running,
            deadline: Cell::new(Instant::now()),
            instructions: Cell::new(0),
            stopped: Cell::new(None),
        }
    }

    pub fn start(&self) {
        self.deadline.set(Instant::now() + WALL_MAX);
        self.instructions.set(0);
        self.stopped.set(None);
        self.running.start();
    }

    pub fn finish(&self) {
        self.running.finish();
    }

    pub fn stopped(&self) -> Option<Stop> {
        self.stopped.get()
    }

    /// Counts `instructions` and looks at the clock.
    pub fn spend(&self, instructions: u32) -> Result<(), Raised> {
        let spent = self.instructions.get() + u64::from(instructions);
        self.instructions.set(spent);
        let stop = if self.stopped.get().is_some() {
            self.stopped.get()
        } else if self.running.killed() {
            Some(Stop::Killed)
        } else if spent > INSTRUCTIONS_MAX {
            Some(Stop::Instructions)
        } else if !place::allows(instructions) {
            Some(Stop::Moved)
        } else {
            (Instant::now() >= self.deadline.get()).then_some(Stop::Time)
        };
        self.stopped.set(stop);
        stop.map_or(Ok(()), |stop| Err(Raised::Stopped(stop)))
    }

    /// Raises again if the script has been ended.
    pub fn check(&self) -> Result<(), Raised> {
        self.stopped
            .get()
            .map_or(Ok(()), |stop| Err(Raised::Stopped(stop)))
    }
}
