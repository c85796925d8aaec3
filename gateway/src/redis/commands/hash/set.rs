//! HSET, HMSET, HSETNX.

use std::sync::Arc;

use bytes::Bytes;
use quorate_core::command::DataOp;
use quorate_core::types::Hash;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::plan::{Place, Plan, Rule};

/// HSET key field value...: how many fields are new.
pub fn hset(place: Place<'_>, args: Args<'_>) -> Result<Plan, Fault> {
    set_all(place, args, "hset", Rule::Number)
}

/// HMSET: HSET that answers OK.
pub fn hmset(place: Place<'_>, args: Args<'_>) -> Result<Plan, Fault> {
    set_all(place, args, "hmset", Rule::Ok)
}

/// HSETNX key field value: only if the field is missing; 1 or 0.
pub fn hsetnx(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let key = place.key(args.take()?);
    let field = (args.take()?.clone(), args.take()?.clone());
    let op = DataOp::HashSet {
        key,
        fields: Arc::new(Hash::from([field])),
        only_missing: true,
    };
    Ok(Plan::one(op, Rule::Number))
}

/// The last value given for a field counts.
fn set_all(place: Place<'_>, mut args: Args<'_>, name: &str, rule: Rule) -> Result<Plan, Fault> {
    let key = place.key(args.take()?);
    let (pairs, odd): (&[[Bytes; 2]], _) = args.rest().as_chunks::<2>();
    if !odd.is_empty() {
        return Err(Fault::arity(name));
    }
    let pairs = pairs.iter();
    let fields = pairs.map(|[field, value]| (field.clone(), value.clone()));
    let op = DataOp::HashSet {
        key,
        fields: Arc::new(fields.collect()),
        only_missing: false,
    };
    Ok(Plan::one(op, rule))
}
