//! RENAME and RENAMENX: value and life move to another name.

use quorate_core::command::DataOp;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::plan::{Place, Plan, Rule};

/// RENAME key newkey: overwrites the new name.
pub fn rename(place: Place<'_>, args: Args<'_>) -> Result<Plan, Fault> {
    run(place, args, false, Rule::Ok)
}

/// RENAMENX key newkey: 0 if the new name is taken.
pub fn renamenx(place: Place<'_>, args: Args<'_>) -> Result<Plan, Fault> {
    run(place, args, true, Rule::Number)
}

fn run(
    place: Place<'_>,
    mut args: Args<'_>,
    only_missing: bool,
    rule: Rule,
) -> Result<Plan, Fault> {
    let op = DataOp::Rename {
        key: place.key(args.take()?),
        to: place.key(args.take()?),
        only_missing,
    };
    Ok(Plan::one(op, rule))
}
