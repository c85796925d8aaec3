//! The core's refusals in Redis's words.

use quorate_core::outcome::Refusal;

use super::fault::Fault;
use super::program::TOO_MUCH;

pub const OVERLOADED: Fault = Fault::fixed("OVERLOADED too many requests, command not executed");

pub fn refusal_fault(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::WrongType => Fault::WRONG_TYPE,
        Refusal::NotAnInteger => Fault::NOT_AN_INTEGER,
        Refusal::HashNotAnInteger => Fault::fixed("ERR hash value is not an integer"),
        Refusal::Overflow => Fault::OVERFLOW,
        Refusal::KeyNotFound => Fault::NO_SUCH_KEY,
        Refusal::NotAFloat => Fault::NOT_A_FLOAT,
        Refusal::TooLong => Fault::TOO_LONG,
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
