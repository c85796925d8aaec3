//! What the native functions of one Lua state share about the running script.

use std::cell::{Cell, RefCell};

use mlua::{MultiValue, Result, Value};

use super::budget::Budget;
use super::cjson::Options;
use super::raised::Raised;
use super::random::Random;

/// An error that ended a script, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Begins with the error's code.
    pub message: Vec<u8>,
    /// Chunk and line.
    pub place: Option<(String, i64)>,
}

pub struct Shared {
    pub budget: Budget,
    /// Whether replies come in RESP3's shapes (`redis.setresp(3)`).
    pub resp3: Cell<bool>,
    pub random: Cell<Random>,
    pub json: Cell<Options>,
    pub failure: RefCell<Option<Failure>>,
    /// The Lua error on its way through a native function (see `Raised::Carried`).
    pub carried: RefCell<Option<Value>>,
    /// Instructions between two calls of the hook.
    pub hook_interval: Cell<u32>,
}

impl Shared {
    /// Forgets everything of the script before.
    pub fn start(&self) {
        self.resp3.set(false);
        self.random.set(Random::fresh());
        self.json.set(Options::default());
        self.failure.replace(None);
        self.carried.replace(None);
        self.budget.start();
    }

    /// The first result of a function that was called by `pcall` from native code; what it raised
    /// goes on its way. (An error that mlua sees itself would become a text with a traceback.)
    pub fn carried(&self, called: MultiValue) -> Result<Value> {
        let mut called = called.into_iter();
        let succeeded = called.next();
        match (succeeded, called.next().unwrap_or(Value::Nil)) {
            (Some(Value::Boolean(true)), value) => Ok(value),
            (_, Value::Error(error)) => Err(*error),
            (_, error) => {
                self.carried.replace(Some(error));
                Err(Raised::Carried.into())
            }
        }
    }
}
