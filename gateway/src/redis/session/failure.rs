//! The errors that the core adds to Redis's, in words that no client takes for an invitation to
//! send a write again.
//!
//! `NOQUORUM` and `OVERLOADED`: certainly not executed. `UNKNOWNRESULT`: proposed, and the
//! connection is closed, since nobody knows what came of it.

use quorate_core::outcome::{NodeError, Refusal};

use crate::redis::fault::Fault;
use crate::redis::program::{Failure, TOO_MUCH};

const NO_LEADER: Fault = Fault::fixed("NOQUORUM no leader, command not executed");
const TIMEOUT: Fault = Fault::fixed("NOQUORUM timed out, command not executed");
const OVERLOADED: Fault = Fault::fixed("OVERLOADED too many requests, command not executed");
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

pub fn refusal_fault(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::WrongType => Fault::WRONG_TYPE,
        Refusal::NotAnInteger => Fault::NOT_AN_INTEGER,
        Refusal::HashNotAnInteger => Fault::fixed("ERR hash value is not an integer"),
        Refusal::Overflow => Fault::OVERFLOW,
        Refusal::KeyNotFound => Fault::NO_SUCH_KEY,
        Refusal::TooLarge => Fault::fixed("ERR request is too large"),
        Refusal::TooMuch => TOO_MUCH,
        Refusal::Overloaded => OVERLOADED,
        Refusal::NoSpace => Fault::fixed(
            "OOM no space is left (alarm NOSPACE, or a full disk), command not executed",
        ),
        Refusal::Corrupt => {
            Fault::fixed("CORRUPT the members' data differ (CORRUPT alarm), command not executed")
        }
        Refusal::PermissionDenied | Refusal::AuthOld => {
            Fault::fixed("NOPERM this user has no permissions to run this command on these keys")
        }
        other => Fault::new(format!("ERR {other}")),
    }
}
