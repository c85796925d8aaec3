//! DEL (UNLINK), EXISTS (TOUCH), TYPE.

use bytes::Bytes;
use quorate_core::command::DeleteOp;
use quorate_core::types::Value;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::plan::{Place, Plan, Rule};
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// DEL key...: how many were there.
pub fn del(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let delete = |key: &Bytes| DeleteOp::key(place.key(key)).into();
    let ops = args.rest().iter().map(delete);
    Ok(Plan::of(ops.collect(), Rule::Deleted))
}

/// EXISTS key...: a key named twice counts twice.
pub fn exists(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    Ok(Reply::count(
        args.rest()
            .iter()
            .filter(|key: &&Bytes| view.exists(key))
            .count(),
    ))
}

/// TYPE key: `none` for a missing key.
pub fn type_of(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let record = view.get(args.take()?);
    let name = record.map_or("none", |record| type_name(&record.value));
    Ok(Reply::status(name))
}

/// Redis's name of a value's type.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Bytes(_) => "string",
        Value::Hash(_) => "hash",
    }
}
