//! One Lua state: built once, used for many scripts, left without a trace of any of them.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use mlua::chunk::ChunkMode;
use mlua::{
    Function, HookTriggers, Lua, LuaOptions, MultiValue, Result, StdLib, Table, Value, VmState,
};

use super::budget::Budget;
use super::builtins;
use super::host::Host;
use super::kill::Running;
use super::limits::{COMPILED_MAX, INSTRUCTIONS_PER_LOOK, MEMORY_KEPT_MAX, MEMORY_MAX};
use super::raised::{Raised, shown};
use super::random::Random;
use super::redis_api;
use super::script::Script;
use super::shared::{Failure, Shared};
use super::to_reply::Maker;
use crate::redis::fault::Fault;
use crate::redis::reply::Reply;

pub struct Interpreter {
    lua: Lua,
    shared: Rc<Shared>,
    /// The `redis` table, whose commands are bound to each run's host.
    redis: Table,
    enter: Function,
    /// By SHA-1.
    compiled: HashMap<Bytes, Function>,
}

impl Interpreter {
    pub fn new(running: std::sync::Arc<Running>) -> Result<Interpreter> {
        let libraries = StdLib::STRING | StdLib::TABLE | StdLib::MATH;
        let lua = Lua::new_with(libraries, LuaOptions::default())?;
        let shared = Rc::new(Shared {
            budget: Budget::new(running),
            resp3: Default::default(),
            random: Cell::new(Random::fresh()),
            json: Default::default(),
            failure: Default::default(),
            carried: Default::default(),
            hook_interval: Default::default(),
        });
        let redis = redis_api::table(&lua, &shared)?;
        let native = builtins::table(&lua, &shared, &redis)?;
        let prelude = lua.load(include_str!("prelude.lua")).set_name("=prelude");
        let enter = prelude.call(native)?;
        lua.set_memory_limit(MEMORY_MAX)?;
        Ok(Interpreter {
            lua,
            shared,
            redis,
            enter,
            compiled: HashMap::new(),
        })
    }

    /// Runs a script to its reply; what goes wrong in it is an error reply. A fault: the text is
    /// not a script.
    pub fn run(
        &mut self,
        script: &Script,
        keys: &[Bytes],
        args: &[Bytes],
        host: &mut dyn Host,
    ) -> std::result::Result<Reply, Fault> {
        let function = self.compile(script)?;
        self.shared.start();
        let done = self.attempt(function, script, keys, args, host);
        self.shared.budget.finish();
        Ok(done.unwrap_or_else(|error| Reply::Error(self.fault(script, &error))))
    }

    /// Whether the state holds so much that it is better made anew.
    pub fn is_bloated(&self) -> bool {
        if self.lua.used_memory() <= MEMORY_KEPT_MAX {
            return false;
        }
        self.lua.gc_collect().is_err() || self.lua.used_memory() > MEMORY_KEPT_MAX
    }

    fn attempt(
        &self,
        function: Function,
        script: &Script,
        keys: &[Bytes],
        args: &[Bytes],
        host: &mut dyn Host,
    ) -> Result<Reply> {
        if self.shared.hook_interval.get() != INSTRUCTIONS_PER_LOOK {
            arm(&self.lua, &self.shared, INSTRUCTIONS_PER_LOOK)?;
        }
        let keys = strings(&self.lua, keys)?;
        let args = strings(&self.lua, args)?;
        let ended: MultiValue =
            redis_api::bound(&self.lua, &self.shared, &self.redis, host, || {
                self.enter.call((function, keys, args))
            })?;
        let mut ended = ended.into_iter();
        let succeeded = ended.next();
        let value = ended.next().unwrap_or(Value::Nil);
        match succeeded {
            Some(Value::Boolean(true)) => Maker::new(self.shared.resp3.get()).make(&value),
            _ => Ok(Reply::Error(self.failed(script, &value))),
        }
    }

    /// The function of a script; a fault if it is none.
    pub fn compile(&mut self, script: &Script) -> std::result::Result<Function, Fault> {
        if let Some(function) = self.compiled.get(&script.sha1) {
            return Ok(function.clone());
        }
        let text = &script.body[script.header()?.start..];
        let failed =
            |why: &str| Fault::new(format!("ERR Error compiling script (new function): {why}"));
        if text.first() == Some(&0x1b) {
            return Err(failed("user_script:1: unexpected symbol near 'char(27)'"));
        }
        let chunk = self
            .lua
            .load(text)
            .set_name("@user_script")
            .set_mode(ChunkMode::Text);
        let function = chunk.into_function().map_err(|error| match error {
            mlua::Error::SyntaxError { message, .. } => failed(&message),
            other => failed(&format!("user_script:1: {other}")),
        })?;
        if self.compiled.len() >= COMPILED_MAX {
            self.compiled.clear();
        }
        self.compiled.insert(script.sha1.clone(), function.clone());
        Ok(function)
    }

    /// The reply to an error that the script did not catch. Lua calls no handler when memory runs
    /// out, so there is no failure on record then, just the message.
    fn failed(&self, script: &Script, value: &Value) -> Fault {
        let failure = self.shared.failure.take().unwrap_or_else(|| Failure {
            message: [b"ERR ", shown(value).as_slice()].concat(),
            place: None,
        });
        let mut text = failure.message;
        if let Some((chunk, line)) = failure.place {
            let sha1 = String::from_utf8_lossy(&script.sha1);
            text.extend_from_slice(format!(" script: {sha1}, on {chunk}:{line}.").as_bytes());
        }
        Fault(Bytes::from(text))
    }

    /// The reply when the machinery around the script failed, for want of memory most likely.
    fn fault(&self, script: &Script, error: &mlua::Error) -> Fault {
        let sha1 = String::from_utf8_lossy(&script.sha1);
        match Raised::of(error) {
            Some(raised) => Fault::new(format!("{raised} script: {sha1}")),
            None => Fault::new(format!("ERR {error} script: {sha1}")),
        }
    }
}

fn strings(lua: &Lua, items: &[Bytes]) -> Result<Table> {
    let table = lua.create_table_with_capacity(items.len(), 0)?;
    for (index, item) in items.iter().enumerate() {
        table.raw_set(index + 1, lua.create_string(item)?)?;
    }
    Ok(table)
}

/// Looks at the budget every `interval` instructions. When it has run out, the hook fires on
/// every instruction from then on, so that no loop around `pcall` gets anywhere. Coroutines
/// inherit the hook from the one that makes them.
fn arm(lua: &Lua, shared: &Rc<Shared>, interval: u32) -> Result<()> {
    shared.hook_interval.set(interval);
    let triggers = HookTriggers::new().every_nth_instruction(interval);
    let own = shared.clone();
    lua.set_global_hook(triggers, move |lua, _| {
        let Err(raised) = own.budget.spend(interval) else {
            return Ok(VmState::Continue);
        };
        arm(lua, &own, 1)?;
        Err(raised.into())
    })
}
