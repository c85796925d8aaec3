//! `redis.call` and `redis.pcall` as scripts call them: a C function before the native one.
//!
//! mlua keeps the strings among a function's arguments on a Lua stack of its own, where some are
//! already, and it holds no more than 8,000: there is no room for the 7,999 that `unpack` gives at
//! most. What comes with many arguments gets there with a table of them. A function of Lua would
//! not do: `return redis.call(...)` would replace the script's frame, and errors their place, by
//! its own.

use std::ffi::{CStr, c_int};

use mlua::ffi::{self, lua_State};
use mlua::{Function, Lua, MultiValue, Result, Table, Value};

/// More arguments come in a table.
const ARGUMENTS_MAX: c_int = 4_000;

/// Where the native function of the run is found.
const REACH: &CStr = c"reach";

/// How the native function is called: its last argument.
const RAISES: c_int = 1;
const IS_PACKED: c_int = 2;

/// What `redis.call` (which raises errors) or `redis.pcall` was called with.
pub struct Called<T> {
    pub raises: bool,
    pub args: Result<Vec<T>>,
}

/// From the arguments of the native function. Each item is read by itself.
pub fn called<T>(mut args: MultiValue, read: impl Fn(&Value) -> Result<T>) -> Called<T> {
    let number = |last: Option<Value>| last.and_then(|last| last.as_i32()).unwrap_or(0);
    let how = number(args.pop_back());
    let args = if how & IS_PACKED == 0 {
        args.iter().map(read).collect()
    } else {
        let (count, packed) = (number(args.pop_back()), args.pop_back());
        let packed = packed.as_ref().and_then(Value::as_table);
        let item = |index| packed.map_or(Ok(Value::Nil), |packed| packed.raw_get(index));
        (1..=count).map(|index| read(&item(index)?)).collect()
    };
    let raises = how & RAISES != 0;
    Called { raises, args }
}

/// Puts both into the `redis` table.
pub fn add(lua: &Lua, redis: &Table) -> Result<()> {
    #[expect(unsafe_code, reason = "a C function; what it does is said there")]
    let (call, pcall) = unsafe {
        let call = lua.create_c_function(call_reach::<RAISES>)?;
        (call, lua.create_c_function(call_reach::<0>)?)
    };
    redis.raw_set("call", call)?;
    redis.raw_set("pcall", pcall)
}

/// What both call from now on.
pub fn bind(lua: &Lua, reach: Function) -> Result<()> {
    lua.set_named_registry_value(&REACH.to_string_lossy(), reach)
}

/// Calls the native function with the same arguments, or a table of them.
#[expect(unsafe_code, reason = "the arguments can't be had in another way")]
unsafe extern "C-unwind" fn call_reach<const HOW: c_int>(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state and room for 20 values above the arguments, of
    // which three are used at once. Nothing here has a destructor that an error would pass over.
    unsafe {
        let count = ffi::lua_gettop(state);
        let mut how = HOW;
        if count > ARGUMENTS_MAX {
            how |= IS_PACKED;
            ffi::lua_createtable(state, count, 0);
            ffi::lua_insert(state, 1);
            for index in (1..=count).rev() {
                ffi::lua_rawseti(state, 1, index.into());
            }
            ffi::lua_pushinteger(state, count.into());
        }
        ffi::lua_getfield(state, ffi::LUA_REGISTRYINDEX, REACH.as_ptr());
        ffi::lua_insert(state, 1);
        ffi::lua_pushinteger(state, how.into());
        ffi::lua_call(state, ffi::lua_gettop(state) - 1, ffi::LUA_MULTRET);
        ffi::lua_gettop(state)
    }
}
