//! DBSIZE, FLUSHDB, FLUSHALL.

use quorate_core::command::{DeleteOp, Op};
use quorate_core::outcome::Cause;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::keyspace::DATABASES;
use crate::redis::plan::{Place, Plan, Rule};
use crate::redis::program::View;
use crate::redis::reply::Reply;

pub fn dbsize(view: &mut View, _args: Args<'_>) -> Result<Reply, Fault> {
    Ok(Reply::Integer(view.key_count() as i64))
}

/// FLUSHDB [ASYNC | SYNC]: both wait.
pub fn flushdb(place: Place<'_>, args: Args<'_>) -> Result<Plan, Fault> {
    check_mode(args)?;
    Ok(Plan::of(flush(place, place.db).into(), Rule::Ok))
}

/// FLUSHALL [ASYNC | SYNC]: all of Redis's databases, and nothing outside of their prefixes.
pub fn flushall(place: Place<'_>, args: Args<'_>) -> Result<Plan, Fault> {
    check_mode(args)?;
    let ops = (0..DATABASES).flat_map(|db| flush(place, db));
    Ok(Plan::of(ops.collect(), Rule::Ok))
}

fn flush(place: Place<'_>, db: u32) -> [Op; 2] {
    let delete = DeleteOp {
        range: place.range(db),
        want_prev: false,
    };
    [Op::Because(Cause::Flush), Op::Delete(delete)]
}

fn check_mode(mut args: Args<'_>) -> Result<(), Fault> {
    match args.take_keyword().as_deref() {
        None | Some(b"ASYNC" | b"SYNC") => args.finish(),
        Some(_) => Err(Fault::SYNTAX),
    }
}
