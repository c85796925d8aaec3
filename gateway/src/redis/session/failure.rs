//! The errors that the core adds to Redis's, in words that no client takes for an invitation to
//! send a write again.
//!
//! `NOQUORUM`, `BUSY` and `OVERLOADED`: certainly not executed. `UNKNOWNRESULT`: proposed, and the
//! connection is closed, since nobody knows what came of it.

use quorate_core::outcome::NodeError;

use crate::redis::fault::Fault;
use crate::redis::program::Failure;
use crate::redis::refusal::{OVERLOADED, refusal_fault};

const NO_LEADER: Fault = Fault::fixed("NOQUORUM no leader, command not executed");
/// There is a leader: what takes so long are others.
const TIMEOUT: Fault = Fault::fixed("BUSY timed out, command not executed");
const STOPPED: Fault = Fault::fixed("ERR the server is stopping, command not executed");
const UNKNOWN: Fault =
    Fault::fixed("UNKNOWNRESULT the command was proposed, its result is not known");

/// The reply, and whether the connection has to be closed behind it.
pub fn fault_of(failure: &Failure) -> (Fault, bool) {
    match failure {
        Failure::Node(NodeError::Unknown) => (UNKNOWN, true),
        Failure::Node(NodeError::NoLeader) => (NO_LEADER, false),
        Failure::Node(NodeError::Timeout) => (TIMEOUT, false),
        Failure::Node(NodeError::Overloaded) => (OVERLOADED, false),
        Failure::Node(NodeError::Stopped) => (STOPPED, false),
        Failure::Refused(refusal) => (refusal_fault(*refusal), false),
    }
}
