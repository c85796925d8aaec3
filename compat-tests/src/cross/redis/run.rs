//! Plays sequences until one differs, and says what is needed to see it again.

use std::fmt;

use super::duo::{Duo, Stop};
use super::step::Step;
use crate::cross::accepted::Accepted;
use crate::cross::difference::Difference;
use crate::cross::ledger::Ledger;

/// Sequences tried to make a failing one shorter.
const SHRINK_TRIES: usize = 200;

/// Where the two servers are, and what they may differ in.
pub struct Table<'a> {
    pub theirs: String,
    pub ours: String,
    pub accepted: &'a Accepted,
}

/// A sequence on which the servers differ, as short as it was cheap to make it.
pub struct Failure {
    pub name: String,
    pub steps: Vec<Step>,
    pub difference: Difference,
}

impl Table<'_> {
    /// Plays a sequence on empty servers; what occurred is added to `ledger`.
    pub fn play(
        &self,
        name: &str,
        steps: &[Step],
        ledger: &mut Ledger,
    ) -> Result<Option<Failure>, String> {
        let (end, stop) = self.once(steps, ledger)?;
        let Some(difference) = stop else {
            return Ok(None);
        };
        let (steps, difference) = self.shrink(steps[..=end].to_vec(), difference)?;
        let name = name.to_owned();
        Ok(Some(Failure {
            name,
            steps,
            difference,
        }))
    }

    /// Where it stopped, and the difference if it was one.
    fn once(
        &self,
        steps: &[Step],
        ledger: &mut Ledger,
    ) -> Result<(usize, Option<Difference>), String> {
        let mut duo = Duo::open(&self.theirs, &self.ours, self.accepted)?;
        let mut stopped = (steps.len(), None);
        for (at, step) in steps.iter().enumerate() {
            match duo.play(step) {
                Ok(()) => {}
                Err(Stop::Differs(found)) => {
                    stopped = (at, Some(*found));
                    break;
                }
                Err(Stop::Broken(why)) => return Err(format!("{why}, after {step}")),
            }
        }
        ledger.merge(&duo.ledger);
        Ok(stopped)
    }

    /// Leaves out ever smaller parts as long as the same place differs.
    fn shrink(
        &self,
        mut steps: Vec<Step>,
        mut difference: Difference,
    ) -> Result<(Vec<Step>, Difference), String> {
        let mut tries = 0;
        let mut size = steps.len() / 2;
        while size > 0 && tries < SHRINK_TRIES {
            let mut at = 0;
            while at + size < steps.len() && tries < SHRINK_TRIES {
                tries += 1;
                let shorter = [&steps[..at], &steps[at + size..]].concat();
                match self.once(&shorter, &mut Ledger::default()) {
                    Ok((end, Some(found))) if found.place == difference.place => {
                        steps = shorter[..=end].to_vec();
                        difference = found;
                    }
                    _ => at += size,
                }
            }
            size = size.min(steps.len()) / 2;
        }
        Ok((steps, difference))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}: the servers differ", self.name)?;
        writeln!(out, "{}", self.difference)?;
        writeln!(out, "  after these steps:")?;
        for step in &self.steps {
            writeln!(out, "    {step}")?;
        }
        Ok(())
    }
}
