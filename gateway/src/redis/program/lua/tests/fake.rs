//! A host with strings and hashes in maps.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::redis::fault::Fault;
use crate::redis::program::lua::host::Host;
use crate::redis::program::lua::limits::STACK_BYTES;
use crate::redis::program::lua::{Script, run};
use crate::redis::reply::Reply;

#[derive(Default)]
pub struct Fake {
    strings: BTreeMap<Bytes, Bytes>,
    hashes: BTreeMap<Bytes, BTreeMap<Bytes, Bytes>>,
    pub calls: usize,
}

const UNKNOWN: Fault = Fault::fixed("ERR Unknown Redis command called from script");
const ARITY: Fault = Fault::fixed("ERR Wrong number of args calling Redis command from script");
const REFUSED: Fault = Fault::fixed("ERR This Redis command is not allowed from script");
const READ_ONLY: Fault = Fault::fixed("ERR Write commands are not allowed from read-only scripts.");

impl Fake {
    pub fn read_only() -> ReadOnly {
        ReadOnly(Fake::default())
    }

    fn string(&self, key: &Bytes) -> Result<Reply, Fault> {
        if self.hashes.contains_key(key) {
            return Err(Fault::WRONG_TYPE);
        }
        Ok(Reply::maybe(self.strings.get(key).cloned()))
    }

    fn increment(&mut self, key: &Bytes) -> Result<Reply, Fault> {
        let old = self.strings.get(key).map_or(Ok(0), |own| {
            crate::redis::number::parse_i64(own).ok_or(Fault::NOT_AN_INTEGER)
        })?;
        self.strings
            .insert(key.clone(), Bytes::from((old + 1).to_string()));
        Ok(Reply::Integer(old + 1))
    }

    fn run(&mut self, args: &[Bytes]) -> Result<Reply, Fault> {
        let name = String::from_utf8_lossy(&args[0]).to_lowercase();
        let arity = match name.as_str() {
            "ping" => 1,
            "get" | "del" | "incr" | "exists" | "type" | "hgetall" | "echo" => 2,
            "set" | "hget" => 3,
            "hset" => 4,
            "subscribe" | "eval" | "multi" => return Err(REFUSED),
            _ => return Err(UNKNOWN),
        };
        if args.len() != arity {
            return Err(ARITY);
        }
        match (name.as_str(), &args[1..]) {
            ("get", [key]) => self.string(key),
            ("set", [key, value]) => {
                self.strings.insert(key.clone(), value.clone());
                Ok(Reply::OK)
            }
            ("del", [key]) => Ok(Reply::flag(self.strings.remove(key).is_some())),
            ("incr", [key]) => self.increment(key),
            ("exists", [key]) => Ok(Reply::flag(self.strings.contains_key(key))),
            ("type", [key]) if self.strings.contains_key(key) => Ok(Reply::status("string")),
            ("type", _) => Ok(Reply::status("none")),
            ("hget", [key, _]) if self.strings.contains_key(key) => Err(Fault::WRONG_TYPE),
            ("hget", [key, field]) => Ok(Reply::maybe(
                self.hashes
                    .get(key)
                    .and_then(|hash| hash.get(field))
                    .cloned(),
            )),
            ("hset", [key, field, value]) => {
                let hash = self.hashes.entry(key.clone()).or_default();
                Ok(Reply::flag(
                    hash.insert(field.clone(), value.clone()).is_none(),
                ))
            }
            ("hgetall", [key]) => {
                let hash = self.hashes.get(key).into_iter().flatten();
                let pair =
                    |(k, v): (&Bytes, &Bytes)| (Reply::Bulk(k.clone()), Reply::Bulk(v.clone()));
                Ok(Reply::Map(hash.map(pair).collect()))
            }
            ("echo", [text]) => Ok(Reply::Bulk(text.clone())),
            _ => Ok(Reply::status("PONG")),
        }
    }
}

impl Host for Fake {
    fn call(&mut self, args: &[Bytes]) -> Reply {
        self.calls += 1;
        self.run(args).into()
    }

    fn allows(&self, _: &[Bytes]) -> Result<bool, Fault> {
        Ok(true)
    }

    fn lock_token(&mut self, key: &[u8]) -> Option<i64> {
        self.strings.contains_key(key).then_some(7)
    }
}

/// Refuses what writes.
pub struct ReadOnly(Fake);

impl Host for ReadOnly {
    fn call(&mut self, args: &[Bytes]) -> Reply {
        if args[0].eq_ignore_ascii_case(b"set") {
            Reply::Error(READ_ONLY)
        } else {
            self.0.call(args)
        }
    }

    fn allows(&self, args: &[Bytes]) -> Result<bool, Fault> {
        self.0.allows(args)
    }

    fn lock_token(&mut self, key: &[u8]) -> Option<i64> {
        self.0.lock_token(key)
    }
}

/// Runs a script on keys `k1 k2` and arguments `a1 a2`.
pub fn eval(host: &mut dyn Host, body: impl Into<Bytes>) -> Reply {
    let texts = |texts: [&'static str; 2]| texts.map(|text| Bytes::from_static(text.as_bytes()));
    run(
        &Script::new(body.into()),
        &texts(["k1", "k2"]),
        &texts(["a1", "a2"]),
        host,
    )
    .into()
}

/// Runs a test on a stack as large as that of the threads for scripts.
pub fn roomy(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(test);
    thread.expect("a thread").join().expect("the test passed");
}
