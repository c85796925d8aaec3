//! The functions of `cjson`.

use std::rc::Rc;

use mlua::{Lua, MultiValue, Result, Table, Value};

use super::options::{InvalidNumbers, Options};
use super::{decode, encode};
use crate::redis::program::lua::arguments::Arguments;
use crate::redis::program::lua::shared::Shared;

/// Settings that are numbers: name, lowest and highest value, and where they are kept.
type Number = (&'static str, i64, i64, fn(&mut Options) -> &mut i64);

/// Settings that are on or off.
type Flag = (&'static str, fn(&mut Options) -> &mut bool);

/// How deep a script may set the nesting: native code recurses over it.
const DEPTH_MAX: i64 = 4_000;

const NUMBERS: [Number; 3] = [
    ("encode_max_depth", 1, i32::MAX as i64, |o| {
        &mut o.encode_depth_max
    }),
    ("decode_max_depth", 1, i32::MAX as i64, |o| {
        &mut o.decode_depth_max
    }),
    ("encode_number_precision", 1, 14, |o| &mut o.precision),
];

pub fn table(lua: &Lua, shared: &Rc<Shared>) -> Result<Table> {
    let cjson = functions(lua, shared)?;
    let own = shared.clone();
    cjson.raw_set(
        "new",
        lua.create_function(move |lua, ()| functions(lua, &own))?,
    )?;
    Ok(cjson)
}

fn functions(lua: &Lua, shared: &Rc<Shared>) -> Result<Table> {
    let cjson = lua.create_table()?;
    cjson.raw_set("_NAME", "cjson")?;
    cjson.raw_set("_VERSION", "2.1.0")?;
    cjson.raw_set("null", Value::NULL)?;
    let own = shared.clone();
    let encode = lua.create_function(move |lua, args: MultiValue| {
        let args = only(lua, args)?;
        encode::encode(lua, &own, args.get(1))
    })?;
    cjson.raw_set("encode", encode)?;
    let own = shared.clone();
    let decode = lua.create_function(move |lua, args: MultiValue| {
        let text = only(lua, args)?.bytes(1)?;
        decode::decode(lua, &own, &text)
    })?;
    cjson.raw_set("decode", decode)?;
    for number in NUMBERS {
        let own = shared.clone();
        let set = lua.create_function(move |lua, args| set_number(lua, &own, args, number))?;
        cjson.raw_set(number.0, set)?;
    }
    let own = shared.clone();
    let sparse = lua.create_function(move |lua, args| set_sparse(lua, &own, args))?;
    cjson.raw_set("encode_sparse_array", sparse)?;
    let own = shared.clone();
    let invalid = lua.create_function(move |lua, args| set_encode_invalid(lua, &own, args))?;
    cjson.raw_set("encode_invalid_numbers", invalid)?;
    let flags: [Flag; 2] = [
        ("decode_invalid_numbers", |o| &mut o.decode_invalid),
        ("encode_keep_buffer", |o| &mut o.keep_buffer),
    ];
    for (name, field) in flags {
        let own = shared.clone();
        let set = lua.create_function(move |lua, args| set_flag(lua, &own, args, field))?;
        cjson.raw_set(name, set)?;
    }
    Ok(cjson)
}

fn only(lua: &Lua, args: MultiValue) -> Result<Arguments<'_>> {
    let args = Arguments::new(lua, args);
    if args.len() == 1 {
        Ok(args)
    } else {
        Err(args.error(1, "expected 1 argument"))
    }
}

fn at_most(lua: &Lua, args: MultiValue, most: usize) -> Result<Arguments<'_>> {
    let args = Arguments::new(lua, args);
    if args.len() <= most {
        return Ok(args);
    }
    Err(args.error(most + 1, "found too many arguments"))
}

fn in_range(args: &Arguments<'_>, index: usize, low: i64, high: i64) -> Result<i64> {
    let value = args.integer(index)?;
    if (low..=high).contains(&value) {
        return Ok(value);
    }
    Err(args.error(index, &format!("expected integer between {low} and {high}")))
}

fn set_number(lua: &Lua, shared: &Shared, args: MultiValue, number: Number) -> Result<f64> {
    let (name, low, high, field) = number;
    let args = at_most(lua, args, 1)?;
    let mut options = shared.json.get();
    if !args.get(1).is_nil() {
        let wanted = in_range(&args, 1, low, high)?;
        *field(&mut options) = if name.ends_with("depth") {
            wanted.min(DEPTH_MAX)
        } else {
            wanted
        };
    }
    shared.json.set(options);
    Ok(*field(&mut options) as f64)
}

fn set_sparse(lua: &Lua, shared: &Shared, args: MultiValue) -> Result<(bool, f64, f64)> {
    let args = at_most(lua, args, 3)?;
    let mut options = shared.json.get();
    if !args.get(1).is_nil() {
        options.sparse_convert = args.truth(1);
    }
    if !args.get(2).is_nil() {
        options.sparse_ratio = in_range(&args, 2, 0, i64::from(i32::MAX))?;
    }
    if !args.get(3).is_nil() {
        options.sparse_safe = in_range(&args, 3, 0, i64::from(i32::MAX))?;
    }
    shared.json.set(options);
    Ok((
        options.sparse_convert,
        options.sparse_ratio as f64,
        options.sparse_safe as f64,
    ))
}

fn set_encode_invalid(lua: &Lua, shared: &Shared, args: MultiValue) -> Result<Value> {
    let args = at_most(lua, args, 1)?;
    let mut options = shared.json.get();
    options.encode_invalid = match args.get(1) {
        Value::Nil => options.encode_invalid,
        Value::Boolean(true) => InvalidNumbers::Write,
        Value::Boolean(false) => InvalidNumbers::Refuse,
        _ => match args.bytes(1)?.as_slice() {
            b"off" => InvalidNumbers::Refuse,
            b"on" => InvalidNumbers::Write,
            b"null" => InvalidNumbers::Null,
            other => {
                let other = String::from_utf8_lossy(other);
                return Err(args.error(1, &format!("invalid option '{other}'")));
            }
        },
    };
    shared.json.set(options);
    Ok(match options.encode_invalid {
        InvalidNumbers::Refuse => Value::Boolean(false),
        InvalidNumbers::Write => Value::Boolean(true),
        InvalidNumbers::Null => Value::String(lua.create_string("null")?),
    })
}

fn set_flag(
    lua: &Lua,
    shared: &Shared,
    args: MultiValue,
    field: fn(&mut Options) -> &mut bool,
) -> Result<bool> {
    let args = at_most(lua, args, 1)?;
    let mut options = shared.json.get();
    match args.get(1) {
        Value::Nil => {}
        Value::Boolean(yes) => *field(&mut options) = *yes,
        _ => *field(&mut options) = args.bytes(1)? == b"on",
    }
    shared.json.set(options);
    Ok(*field(&mut options))
}
