//! Programs: ops in order on one write view, each by itself. An op looks at all that could make it
//! be refused before it changes anything, so that one that is refused leaves no trace and the next
//! can go on. Not so what bounds effects, which may strike in the middle of a change: there the
//! whole view is dropped.
//!
//! ```text
//! a = "x";  program { add a 1; append a y }     failed: not an integer; 2;  a = "xy"
//! ```

use super::draft::Draft;
use super::read_room::ReadRoom;
use super::value::State;
use crate::command::{Op, Program};
use crate::limits::{TXN_MADE_BYTES_MAX, TXN_OPS_MAX};
use crate::outcome::{OpResult, ProgramOutcome, Refusal};

impl State {
    /// What an op that reads finds at the newest revision, without an entry.
    pub fn look(&self, op: &Op) -> OpResult {
        let result = Draft::new(self).op(op);
        result.unwrap_or_else(OpResult::Failed)
    }
}

impl Draft<'_> {
    /// # Errors
    /// What is not of one op alone.
    pub(super) fn program(&mut self, program: &Program) -> Result<ProgramOutcome, Refusal> {
        if program.ops.len() > TXN_OPS_MAX {
            return Err(Refusal::TooLarge);
        }
        // Records are shared with the state, and what is made has a bound of its own.
        self.read_room = ReadRoom::with(usize::MAX);
        let succeeded = program.guards.iter().all(|guard| self.state.judge(guard));
        let ops = if succeeded { &program.ops[..] } else { &[] };
        let results = ops
            .iter()
            .map(|op| self.op_alone(op))
            .collect::<Result<_, _>>()?;
        match self.left_bytes() > TXN_MADE_BYTES_MAX {
            true => Err(Refusal::TooMuch),
            false => Ok(ProgramOutcome {
                succeeded,
                results,
                now: self.state.now(),
            }),
        }
    }

    pub(super) fn op_alone(&mut self, op: &Op) -> Result<OpResult, Refusal> {
        let before = self.events();
        let result = self.op(op);
        match result {
            Err(refusal) if is_of_one_op(op, refusal) => {
                assert_eq!(self.events(), before, "what is refused has changed nothing");
                Ok(OpResult::Failed(refusal))
            }
            result => result,
        }
    }
}

/// Whether the next op may go on.
fn is_of_one_op(op: &Op, refusal: Refusal) -> bool {
    !matches!(op, Op::Txn(_)) && !matches!(refusal, Refusal::TooMuch | Refusal::Overloaded)
}
