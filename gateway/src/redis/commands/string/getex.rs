//! GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]: the value, and a new life for the key.

use quorate_core::command::{DataOp, Life};

use super::expiry::Expiry;
use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::plan::{Place, Plan, Rule};

/// The life stays what it is.
const KEEP: Life = Life::Keep { must_exist: false };

/// Redis judges the syntax first, then the key, then the time.
pub fn getex(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let key = place.key(args.take()?);
    let mut option = None;
    let mut number = args.clone();
    while let Some(word) = args.take_keyword() {
        // The same option again is the last one's number.
        if option.as_ref().is_some_and(|before| *before != word) {
            return Err(Fault::SYNTAX);
        }
        if Expiry::is_option(&word) {
            number = args.clone();
            args.take()?;
        } else if word != b"PERSIST" {
            return Err(Fault::SYNTAX);
        }
        option = Some(word);
    }
    let (life, rule) = match option.as_deref() {
        None => (KEEP, Rule::Old),
        Some(b"PERSIST") => (Life::Forever, Rule::Old),
        Some(word) => match Expiry::parse(word, &mut number, "getex") {
            Ok(Expiry { life }) => (life, Rule::Old),
            Err(fault) => (KEEP, Rule::Judged(fault)),
        },
    };
    Ok(Plan::one(DataOp::Revive { key, life }, rule))
}
