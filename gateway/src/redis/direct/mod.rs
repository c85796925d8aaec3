//! The hot commands as one txn each, proposed without a read before: a lock taken by SET NX PX
//! costs one log entry and no round trip besides.
//!
//! A plan means exactly what the command's implementation on a view means; what a plan can't say
//! is left to the view (None).

mod hash;
mod key;
mod plan;
mod string;

use bytes::Bytes;

use super::args::Args;
use super::commands::{Row, Run};
use super::keyspace::Keyspace;
pub use plan::{Plan, Rule};

/// Where a plan's keys lie.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub keyspace: &'a Keyspace,
    pub db: u32,
}

impl Place<'_> {
    pub fn key(self, key: &[u8]) -> Bytes {
        self.keyspace.key(self.db, key)
    }
}

/// The plan of a command whose arity was checked; None if it needs a view, or is wrong and the
/// view will say how.
pub fn plan(place: Place<'_>, row: &Row, args: &[Bytes]) -> Option<Plan> {
    if !matches!(row.run, Run::Data(_)) || !row.is_write() {
        return None;
    }
    let args = Args::after_name(args);
    match row.name {
        "set" => string::set(place, args),
        "setnx" => string::setnx(place, args),
        "setex" | "psetex" => string::setex(place, args, row.name),
        "mset" => string::mset(place, args),
        "incr" | "decr" | "incrby" | "decrby" => string::add(place, args, row.name),
        "delex" => string::delex(place, args),
        "del" | "unlink" => key::del(place, args),
        "expire" | "pexpire" | "expireat" | "pexpireat" => key::expire(place, args, row.name),
        "hset" | "hmset" => hash::hset(place, args, row.name),
        "hdel" => hash::hdel(place, args),
        "hincrby" => hash::hincrby(place, args),
        _ => None,
    }
}
