//! MSET and MSETNX: several keys at once.

use bytes::Bytes;
use quorate_core::command::{DataOp, Life, PutOp};

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::plan::{Place, Plan, Rule};

/// MSET key value...: never fails but for its arguments.
pub fn mset(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let put = |[key, value]: &[Bytes; 2]| {
        PutOp::bytes(place.key(key), value.clone(), Life::Forever).into()
    };
    let pairs = pairs(&mut args, "mset")?;
    Ok(Plan::of(pairs.iter().map(put).collect(), Rule::Ok))
}

/// MSETNX key value...: all, if none of the keys exists; 1 or 0.
pub fn msetnx(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let pair = |[key, value]: &[Bytes; 2]| (place.key(key), value.clone());
    let pairs = pairs(&mut args, "msetnx")?.iter().map(pair).collect();
    Ok(Plan::one(DataOp::SetMissing { pairs }, Rule::Number))
}

fn pairs<'a>(args: &mut Args<'a>, command: &str) -> Result<&'a [[Bytes; 2]], Fault> {
    let (pairs, odd) = args.rest().as_chunks::<2>();
    if odd.is_empty() {
        Ok(pairs)
    } else {
        Err(Fault::arity(command))
    }
}
