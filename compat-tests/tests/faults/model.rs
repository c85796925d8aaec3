//! What one key may do: a register with conditional writes. A lock is such a register, too: it is
//! taken by a swap from nothing and given back by a swap to nothing.

use porcupine_rs::Model;

/// What a key holds; every value that is written is written once only.
pub type Value = Option<u64>;

/// What a conditional write said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swapped {
    Yes,
    No,
    /// No, and this is what the key held instead.
    Held(Value),
    /// Nobody knows: the answer never came.
    Unknown,
}

/// An operation with its answer. A read without an answer is not part of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Read(Value),
    /// An unconditional write; one whose answer is unknown is the same, without an end.
    Write(u64),
    /// With whether there was something to delete, if that is known.
    Delete(Option<bool>),
    Swap {
        expected: Value,
        new: Value,
        swapped: Swapped,
    },
}

/// The register as the checker plays it.
#[derive(Clone, Debug)]
pub struct Register;

impl Model for Register {
    type State = Value;
    type Op = Op;
    type Metadata = ();

    fn init() -> Value {
        None
    }

    fn step(state: &Value, op: &Op) -> (bool, Value) {
        match *op {
            Op::Read(seen) => (seen == *state, *state),
            Op::Write(value) => (true, Some(value)),
            Op::Delete(existed) => (
                existed.is_none_or(|existed| existed == state.is_some()),
                None,
            ),
            Op::Swap {
                expected,
                new,
                swapped,
            } => {
                let holds = expected == *state;
                match swapped {
                    Swapped::Yes => (holds, new),
                    Swapped::No => (!holds, *state),
                    Swapped::Held(seen) => (!holds && seen == *state, *state),
                    Swapped::Unknown => (true, if holds { new } else { *state }),
                }
            }
        }
    }
}
