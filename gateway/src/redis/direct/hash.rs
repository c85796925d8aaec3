//! Plans of the hash commands.

use std::sync::Arc;

use quorate_core::command::{DataOp, Op};
use quorate_core::types::Hash;

use super::{Place, Plan, Rule};
use crate::redis::args::Args;
use crate::redis::commands::hash::fields;

pub fn hset(place: Place<'_>, mut args: Args<'_>, name: &str) -> Option<Plan> {
    let key = place.key(args.take_option()?);
    let fields = Arc::new(fields(&mut args, name).ok()?);
    let op = Op::Data(DataOp::HashSet {
        key,
        fields,
        only_missing: false,
    });
    Some(Plan::of(
        vec![op],
        if name == "hset" {
            Rule::Number
        } else {
            Rule::Ok
        },
    ))
}

pub fn hdel(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let key = place.key(args.take_option()?);
    let fields = args.rest().to_vec();
    Some(Plan::of(
        vec![Op::Data(DataOp::HashDelete { key, fields })],
        Rule::Number,
    ))
}

pub fn hincrby(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let key = place.key(args.take_option()?);
    let field = args.take_option()?.clone();
    let by = args.take_i64().ok()?;
    Some(Plan::of(
        vec![Op::Data(DataOp::HashAdd { key, field, by })],
        Rule::Number,
    ))
}

pub fn hsetnx(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let key = place.key(args.take_option()?);
    let (field, value) = (args.take_option()?.clone(), args.take_option()?.clone());
    let op = DataOp::HashSet {
        key,
        fields: Arc::new(Hash::from([(field, value)])),
        only_missing: true,
    };
    Some(Plan::of(vec![Op::Data(op)], Rule::Number))
}

pub fn hincrbyfloat(place: Place<'_>, mut args: Args<'_>) -> Option<Plan> {
    let key = place.key(args.take_option()?);
    let (field, by) = (args.take_option()?.clone(), args.take_option()?.clone());
    let op = DataOp::HashAddFloat { key, field, by };
    Some(Plan::of(vec![Op::Data(op)], Rule::Text))
}
