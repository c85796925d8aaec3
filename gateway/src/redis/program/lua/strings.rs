//! The functions of `string` that Lua's own library leaves unbounded: `rep` and all that match
//! patterns.

use std::cell::Cell;
use std::rc::Rc;

use mlua::{Function, Lua, MultiValue, Result, Table, Value};

use super::arguments::{Arguments, type_of};
use super::limits::MEMORY_MAX;
use super::pattern::{Capture, Matcher, PatternError};
use super::raised::{Raised, shown};
use super::shared::Shared;

const SPECIAL: &[u8] = b"^$*+?.([%-";

pub fn table(lua: &Lua, shared: &Rc<Shared>) -> Result<Table> {
    let string = lua.create_table()?;
    string.raw_set("rep", lua.create_function(rep)?)?;
    let own = shared.clone();
    let find = lua.create_function(move |lua, args| search(lua, &own, args, true))?;
    string.raw_set("find", find)?;
    let own = shared.clone();
    let found = lua.create_function(move |lua, args| search(lua, &own, args, false))?;
    string.raw_set("match", found)?;
    let own = shared.clone();
    string.raw_set(
        "gmatch",
        lua.create_function(move |lua, args| gmatch(lua, &own, args))?,
    )?;
    let own = shared.clone();
    let pcall: Function = lua.globals().raw_get("pcall")?;
    let gsub = lua.create_function(move |lua, args| gsub(lua, &own, &pcall, args))?;
    string.raw_set("gsub", gsub)?;
    Ok(string)
}

fn too_large() -> mlua::Error {
    Raised::Text(b"not enough memory".to_vec()).into()
}

fn rep(lua: &Lua, args: MultiValue) -> Result<Value> {
    let args = Arguments::new(lua, args);
    let text = args.bytes(1)?;
    let count = usize::try_from(args.integer(2)?).unwrap_or(0);
    let size = text
        .len()
        .checked_mul(count)
        .filter(|size| *size <= MEMORY_MAX);
    size.ok_or_else(too_large)?;
    let count = if text.is_empty() { 0 } else { count };
    lua.create_string(text.repeat(count)).map(Value::String)
}

fn raised(lua: &Lua, error: PatternError) -> mlua::Error {
    match error {
        PatternError::Malformed(text) => Raised::here(lua, text),
        PatternError::Stopped(raised) => raised.into(),
    }
}

/// The index a position means: from 1, negative from the end, as `posrelat` of Lua.
fn offset(position: i64, length: usize) -> usize {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let from_start = if position < 0 {
        position.saturating_add(length + 1)
    } else {
        position
    };
    usize::try_from(from_start.max(1) - 1).unwrap_or(0)
}

fn captured(lua: &Lua, capture: Capture<'_>) -> Result<Value> {
    match capture {
        Capture::Text(text) => lua.create_string(text).map(Value::String),
        Capture::Position(position) => Ok(Value::Number(position as f64)),
    }
}

fn captures(lua: &Lua, matcher: &Matcher<'_>, start: usize, end: usize) -> Result<MultiValue> {
    let capture = |index| {
        let capture = matcher
            .capture(index, start, end)
            .map_err(|e| raised(lua, e))?;
        captured(lua, capture)
    };
    (0..matcher.capture_count()).map(capture).collect()
}

/// `string.find` and `string.match`.
fn search(lua: &Lua, shared: &Shared, args: MultiValue, is_find: bool) -> Result<MultiValue> {
    let args = Arguments::new(lua, args);
    let subject = args.bytes(1)?;
    let pattern = args.bytes(2)?;
    let start = offset(args.integer_or(3, 1)?, subject.len()).min(subject.len());
    let span = |from: usize, to: usize| [from + 1, to].map(|n| Value::Number(n as f64));
    let until_zero = pattern.split(|byte| *byte == 0).next().unwrap_or_default();
    let is_plain = || !until_zero.iter().any(|byte| SPECIAL.contains(byte));
    if is_find && (args.truth(4) || is_plain()) {
        return Ok(match memchr::memmem::find(&subject[start..], &pattern) {
            Some(at) => span(start + at, start + at + pattern.len())
                .into_iter()
                .collect(),
            None => [Value::Nil].into_iter().collect(),
        });
    }
    let (anchored, body) = anchor(&pattern);
    let look = |steps| shared.budget.spend(steps);
    let mut matcher = Matcher::new(&subject, body, &look);
    for from in start..=subject.len() {
        if let Some(to) = matcher.match_at(from).map_err(|error| raised(lua, error))? {
            let mut results = MultiValue::new();
            if is_find {
                results.extend(span(from, to));
            }
            if !is_find || matcher.has_captures() {
                results.extend(captures(lua, &matcher, from, to)?);
            }
            return Ok(results);
        }
        if anchored {
            break;
        }
    }
    Ok([Value::Nil].into_iter().collect())
}

fn anchor(pattern: &[u8]) -> (bool, &[u8]) {
    match pattern.strip_prefix(b"^") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    }
}

fn gmatch(lua: &Lua, shared: &Rc<Shared>, args: MultiValue) -> Result<Function> {
    let args = Arguments::new(lua, args);
    let (subject, pattern) = (args.bytes(1)?, args.bytes(2)?);
    let (next, shared) = (Cell::new(0), shared.clone());
    lua.create_function(move |lua, _: MultiValue| {
        let look = |steps| shared.budget.spend(steps);
        let mut matcher = Matcher::new(&subject, &pattern, &look);
        for from in next.get()..=subject.len() {
            if let Some(to) = matcher.match_at(from).map_err(|error| raised(lua, error))? {
                // An empty match must not be found again.
                next.set(if to == from { to + 1 } else { to });
                return captures(lua, &matcher, from, to);
            }
        }
        next.set(subject.len() + 1);
        Ok([Value::Nil].into_iter().collect())
    })
}

fn gsub(lua: &Lua, shared: &Shared, pcall: &Function, args: MultiValue) -> Result<(Value, f64)> {
    let args = Arguments::new(lua, args);
    let (subject, pattern) = (args.bytes(1)?, args.bytes(2)?);
    let replacement = match args.get(3) {
        Value::String(_) | Value::Integer(_) | Value::Number(_) => Value::Nil,
        Value::Function(_) | Value::Table(_) => args.get(3).clone(),
        _ => return Err(args.error(3, "string/function/table expected")),
    };
    let template = if replacement.is_nil() {
        args.bytes(3)?
    } else {
        Vec::new()
    };
    let most = i64::try_from(subject.len() + 1).unwrap_or(i64::MAX);
    let most = args.integer_or(4, most)?;
    let (anchored, body) = anchor(&pattern);
    let look = |steps| shared.budget.spend(steps);
    let mut matcher = Matcher::new(&subject, body, &look);
    let (mut made, mut at, mut count) = (Vec::new(), 0, 0);
    while count < most {
        let matched = matcher.match_at(at).map_err(|error| raised(lua, error))?;
        if let Some(to) = matched {
            count += 1;
            if replacement.is_nil() {
                expand(lua, &matcher, &template, at..to, &mut made)?;
            } else {
                let values = captures(lua, &matcher, at, to)?;
                let value = replaced(shared, pcall, &replacement, values)?;
                append(lua, &value, &subject[at..to], &mut made)?;
            }
        }
        match matched {
            Some(to) if to > at => at = to,
            _ if at < subject.len() => {
                made.push(subject[at]);
                at += 1;
            }
            _ => break,
        }
        if made.len() > MEMORY_MAX {
            return Err(too_large());
        }
        if anchored {
            break;
        }
    }
    made.extend_from_slice(subject.get(at..).unwrap_or_default());
    Ok((Value::String(lua.create_string(made)?), count as f64))
}

/// Appends a replacement string with its `%0` to `%9` filled in.
fn expand(
    lua: &Lua,
    matcher: &Matcher<'_>,
    template: &[u8],
    span: std::ops::Range<usize>,
    made: &mut Vec<u8>,
) -> Result<()> {
    let mut bytes = template.iter();
    while let Some(byte) = bytes.next() {
        match (byte, if *byte == b'%' { bytes.next() } else { None }) {
            (b'%', Some(digit @ b'1'..=b'9')) => {
                let index = usize::from(digit - b'1');
                let capture = matcher.capture(index, span.start, span.end);
                match capture.map_err(|error| raised(lua, error))? {
                    Capture::Text(text) => made.extend_from_slice(text),
                    Capture::Position(position) => {
                        made.extend_from_slice(position.to_string().as_bytes());
                    }
                }
            }
            (b'%', Some(b'0')) => made.extend_from_slice(matcher.text(span.clone())),
            (b'%', Some(other)) => made.push(*other),
            (b'%', None) => made.push(0),
            (other, _) => made.push(*other),
        }
        if made.len() > MEMORY_MAX {
            return Err(too_large());
        }
    }
    Ok(())
}

/// What a table or function gives for a match.
fn replaced(
    shared: &Shared,
    pcall: &Function,
    replacement: &Value,
    captures: MultiValue,
) -> Result<Value> {
    match replacement {
        Value::Table(table) => table.get(captures.front().unwrap_or(&Value::Nil)),
        function => {
            let mut call = captures;
            call.push_front(function.clone());
            shared.carried(pcall.call(call)?)
        }
    }
}

fn append(lua: &Lua, value: &Value, original: &[u8], made: &mut Vec<u8>) -> Result<()> {
    match value {
        Value::Nil | Value::Boolean(false) => made.extend_from_slice(original),
        Value::String(_) | Value::Integer(_) | Value::Number(_) => {
            made.extend_from_slice(&shown(value));
        }
        other => {
            let text = format!("invalid replacement value (a {})", type_of(other));
            return Err(Raised::here(lua, text));
        }
    }
    Ok(())
}
