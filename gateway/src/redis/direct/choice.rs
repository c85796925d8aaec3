//! Which commands have a plan.

use bytes::Bytes;

use super::super::args::Args;
use super::super::commands::{Row, Run};
use super::super::keyspace::Keyspace;
use super::plan::Plan;
use super::{hash, key, string};

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
        "getset" => string::getset(place, args),
        "getdel" => string::getdel(place, args),
        "getex" => string::getex(place, args),
        "mset" => string::mset(place, args),
        "msetnx" => string::msetnx(place, args),
        "incr" | "decr" | "incrby" | "decrby" => string::add(place, args, row.name),
        "incrbyfloat" => string::incrbyfloat(place, args),
        "append" => string::append(place, args),
        "setrange" => string::setrange(place, args),
        "delex" => string::delex(place, args),
        "del" | "unlink" => key::del(place, args),
        "expire" | "pexpire" | "expireat" | "pexpireat" => key::expire(place, args, row.name),
        "persist" => key::persist(place, args),
        "rename" | "renamenx" => key::rename(place, args, row.name),
        "hset" | "hmset" => hash::hset(place, args, row.name),
        "hsetnx" => hash::hsetnx(place, args),
        "hdel" => hash::hdel(place, args),
        "hincrby" => hash::hincrby(place, args),
        "hincrbyfloat" => hash::hincrbyfloat(place, args),
        _ => None,
    }
}
