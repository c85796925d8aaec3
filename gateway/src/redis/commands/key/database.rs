//! DBSIZE, FLUSHDB, FLUSHALL.

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::keyspace::DATABASES;
use crate::redis::program::View;
use crate::redis::reply::Reply;

pub fn dbsize(view: &mut View, _args: Args<'_>) -> Result<Reply, Fault> {
    Ok(Reply::Integer(view.key_count() as i64))
}

/// FLUSHDB [ASYNC | SYNC]: both wait.
pub fn flushdb(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    check_mode(args)?;
    view.flush(view.db());
    Ok(Reply::OK)
}

/// FLUSHALL [ASYNC | SYNC]: all of Redis's databases, and nothing outside of their prefixes.
pub fn flushall(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    check_mode(args)?;
    (0..DATABASES).for_each(|db| view.flush(db));
    Ok(Reply::OK)
}

fn check_mode(mut args: Args<'_>) -> Result<(), Fault> {
    match args.take_keyword().as_deref() {
        None | Some(b"ASYNC" | b"SYNC") => args.finish(),
        Some(_) => Err(Fault::SYNTAX),
    }
}
