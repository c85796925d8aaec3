//! `cmsgpack`: MessagePack as lua-cmsgpack 0.4 writes and reads it.

use mlua::{Lua, MultiValue, Result, Table, Value};

use super::arguments::Arguments;
use super::limits::MEMORY_MAX;
use super::number;
use super::raised::Raised;

/// Tables nested deeper are written as nil.
const NESTING_MAX: usize = 16;

/// Values packed at once: half of Lua's stack.
const ARGUMENTS_MAX: usize = 4_000;

const I32_MAX: i64 = i32::MAX as i64;

/// Arrays and maps nested deeper are not read (lua-cmsgpack: the Lua stack's end).
const READ_NESTING_MAX: usize = 1_000;

pub fn table(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("_NAME", "cmsgpack")?;
    table.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    table.raw_set("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo")?;
    table.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    table.raw_set("pack", lua.create_function(pack)?)?;
    table.raw_set("unpack", lua.create_function(unpack)?)?;
    table.raw_set("unpack_one", lua.create_function(unpack_one)?)?;
    table.raw_set("unpack_limit", lua.create_function(unpack_limit)?)?;
    Ok(table)
}

fn pack(lua: &Lua, args: MultiValue) -> Result<Value> {
    let args = Arguments::new(lua, args);
    if args.len() == 0 {
        return Err(args.error(0, "MessagePack pack needs input."));
    }
    if args.len() > ARGUMENTS_MAX {
        return Err(args.error(0, "Too many arguments for MessagePack pack."));
    }
    let mut made = Vec::new();
    for index in 1..=args.len() {
        write(&mut made, args.get(index), 0)?;
    }
    lua.create_string(made).map(Value::String)
}

fn write(made: &mut Vec<u8>, value: &Value, depth: usize) -> Result<()> {
    if made.len() > MEMORY_MAX {
        return Err(Raised::Text(b"not enough memory".to_vec()).into());
    }
    match value {
        Value::String(text) => {
            let text = text.as_bytes();
            write_length(
                made,
                text.len(),
                (0xa0, 32),
                [Some(0xd9), Some(0xda), Some(0xdb)],
            );
            made.extend_from_slice(&text);
        }
        Value::Boolean(yes) => made.push(if *yes { 0xc3 } else { 0xc2 }),
        Value::Integer(n) => write_integer(made, *n),
        Value::Number(n) => write_number(made, *n),
        Value::Table(table) if depth < NESTING_MAX => write_table(made, table, depth)?,
        _ => made.push(0xc0),
    }
    Ok(())
}

/// The shortest head that holds a length: a small one in the tag itself, else 8, 16 or 32 bits.
fn write_length(made: &mut Vec<u8>, length: usize, tiny: (u8, usize), tags: [Option<u8>; 3]) {
    let [by_8, by_16, by_32] = tags;
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if length < tiny.1 => made.push(tiny.0 | short),
        (Ok(short), _) if by_8.is_some() => made.extend([by_8.unwrap_or_default(), short]),
        (_, Ok(medium)) => {
            made.extend(by_16);
            made.extend(medium.to_be_bytes());
        }
        _ => {
            made.extend(by_32);
            made.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
}

fn write_integer(made: &mut Vec<u8>, n: i64) {
    let (tag, bytes) = match n {
        0..=0x7f => (None, 1),
        0x80..=0xff => (Some(0xcc), 1),
        0x100..=0xffff => (Some(0xcd), 2),
        0x1_0000..=0xffff_ffff => (Some(0xce), 4),
        0x1_0000_0000.. => (Some(0xcf), 8),
        -32..0 => (None, 1),
        -0x80..-32 => (Some(0xd0), 1),
        -0x8000..-0x80 => (Some(0xd1), 2),
        -0x8000_0000..-0x8000 => (Some(0xd2), 4),
        _ => (Some(0xd3), 8),
    };
    made.extend(tag);
    made.extend_from_slice(&n.to_be_bytes()[8 - bytes..]);
}

/// Whether it is written as an integer of 64 bits.
fn is_whole(n: f64) -> bool {
    n.is_finite() && number::truncated(n) as f64 == n
}

fn write_number(made: &mut Vec<u8>, n: f64) {
    if is_whole(n) {
        return write_integer(made, number::truncated(n));
    }
    let short = n as f32;
    // What is no number is no equal of itself.
    if f64::from(short) == n {
        made.push(0xca);
        made.extend(short.to_be_bytes());
    } else {
        made.push(0xcb);
        made.extend(n.to_be_bytes());
    }
}

fn write_table(made: &mut Vec<u8>, table: &Table, depth: usize) -> Result<()> {
    let (mut count, mut highest, mut is_array) = (0usize, 0i32, true);
    for pair in table.pairs::<Value, Value>() {
        match pair?.0 {
            // Indices of arrays are C's `int`.
            Value::Integer(index @ 1..=I32_MAX) => highest = highest.max(index as i32),
            _ => is_array = false,
        }
        count += 1;
    }
    if is_array && usize::try_from(highest) == Ok(count) {
        write_length(made, count, (0x90, 16), [None, Some(0xdc), Some(0xdd)]);
        for index in 1..=count {
            write(made, &table.raw_get::<Value>(index)?, depth + 1)?;
        }
        return Ok(());
    }
    write_length(made, count, (0x80, 16), [None, Some(0xde), Some(0xdf)]);
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        write(made, &key, depth + 1)?;
        write(made, &value, depth + 1)?;
    }
    Ok(())
}

fn unpack(lua: &Lua, args: MultiValue) -> Result<MultiValue> {
    let data = Arguments::new(lua, args).bytes(1)?;
    let (values, _) = read_all(lua, &data, usize::MAX, 0)?;
    Ok(values.into_iter().collect())
}

fn unpack_one(lua: &Lua, args: MultiValue) -> Result<MultiValue> {
    let args = Arguments::new(lua, args);
    resumed(lua, &args.bytes(1)?, 1, args.integer_or(2, 0)?)
}

fn unpack_limit(lua: &Lua, args: MultiValue) -> Result<MultiValue> {
    let args = Arguments::new(lua, args);
    resumed(
        lua,
        &args.bytes(1)?,
        args.integer(2)?,
        args.integer_or(3, 0)?,
    )
}

/// At most `limit` values from `offset` on, led by the offset of the next one (-1: none left). All
/// values and nothing else if both are 0.
fn resumed(lua: &Lua, data: &[u8], limit: i64, offset: i64) -> Result<MultiValue> {
    let (Ok(most), Ok(start)) = (usize::try_from(limit), usize::try_from(offset)) else {
        let text = format!(
            "Invalid request to unpack with offset of {offset} and limit of {}.",
            data.len()
        );
        return Err(Raised::here(lua, text));
    };
    if start > data.len() {
        let text = format!(
            "Start offset {start} greater than input length {}.",
            data.len()
        );
        return Err(Raised::here(lua, text));
    }
    if (most, start) == (0, 0) {
        let (values, _) = read_all(lua, data, usize::MAX, 0)?;
        return Ok(values.into_iter().collect());
    }
    let (mut values, end) = read_all(lua, data, most, start)?;
    let next = if end >= data.len() { -1.0 } else { end as f64 };
    values.insert(0, Value::Number(next));
    Ok(values.into_iter().collect())
}

fn read_all(lua: &Lua, data: &[u8], most: usize, start: usize) -> Result<(Vec<Value>, usize)> {
    let mut reader = Reader {
        lua,
        data,
        at: start,
    };
    let mut values = Vec::new();
    while reader.at < data.len() && values.len() < most {
        values.push(reader.value(0)?);
    }
    Ok((values, reader.at))
}

struct Reader<'a> {
    lua: &'a Lua,
    data: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Result<&[u8]> {
        let end = self
            .at
            .checked_add(count)
            .filter(|end| *end <= self.data.len());
        let end = end.ok_or_else(|| Raised::here(self.lua, "Missing bytes in input."))?;
        let bytes = &self.data[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    fn unsigned(&mut self, bytes: usize) -> Result<u64> {
        let fold = |sum: u64, byte: &u8| (sum << 8) | u64::from(*byte);
        Ok(self.take(bytes)?.iter().fold(0, fold))
    }

    fn signed(&mut self, bytes: usize) -> Result<f64> {
        let unused = 64 - 8 * u32::try_from(bytes).unwrap_or(8);
        Ok(((self.unsigned(bytes)? << unused).cast_signed() >> unused) as f64)
    }

    fn length(&mut self, bytes: usize) -> Result<usize> {
        Ok(usize::try_from(self.unsigned(bytes)?).unwrap_or(usize::MAX))
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        if depth > READ_NESTING_MAX {
            let text = "stack overflow (in function mp_decode_to_lua_type)";
            return Err(Raised::here(self.lua, text));
        }
        let tag = self.take(1)?[0];
        Ok(match tag {
            0x00..=0x7f => Value::Number(f64::from(tag)),
            0xe0..=0xff => Value::Number(f64::from(tag.cast_signed())),
            0x80..=0x8f => self.map(usize::from(tag & 0x0f), depth)?,
            0x90..=0x9f => self.array(usize::from(tag & 0x0f), depth)?,
            0xa0..=0xbf => self.text(usize::from(tag & 0x1f))?,
            0xc0 => Value::Nil,
            0xc2 => Value::Boolean(false),
            0xc3 => Value::Boolean(true),
            0xca => {
                let bits = self.unsigned(4)? as u32;
                Value::Number(f64::from(f32::from_bits(bits)))
            }
            0xcb => Value::Number(f64::from_bits(self.unsigned(8)?)),
            // Of 64 bits it takes unsigned ones for signed.
            0xcc..=0xce => Value::Number(self.unsigned(1 << (tag - 0xcc))? as f64),
            0xcf => Value::Number(self.signed(8)?),
            0xd0..=0xd3 => Value::Number(self.signed(1 << (tag - 0xd0))?),
            // The binary strings of newer writers, 0xc4 to 0xc6, are not known to it.
            0xd9..=0xdb => {
                let length = self.length(1 << (tag - 0xd9))?;
                self.text(length)?
            }
            0xdc | 0xdd => {
                let length = self.length(2 << (tag - 0xdc))?;
                self.array(length, depth)?
            }
            0xde | 0xdf => {
                let length = self.length(2 << (tag - 0xde))?;
                self.map(length, depth)?
            }
            _ => return Err(Raised::here(self.lua, "Bad data format in input.")),
        })
    }

    fn text(&mut self, length: usize) -> Result<Value> {
        let lua = self.lua;
        lua.create_string(self.take(length)?).map(Value::String)
    }

    fn array(&mut self, length: usize, depth: usize) -> Result<Value> {
        let table = self.lua.create_table()?;
        for index in 1..=length {
            table.raw_set(index, self.value(depth + 1)?)?;
        }
        Ok(Value::Table(table))
    }

    fn map(&mut self, length: usize, depth: usize) -> Result<Value> {
        let table = self.lua.create_table()?;
        for _ in 0..length {
            let key = self.value(depth + 1)?;
            let value = self.value(depth + 1)?;
            let unusable: Option<&[u8]> = match &key {
                Value::Nil => Some(b"table index is nil"),
                Value::Number(n) if n.is_nan() => Some(b"table index is NaN"),
                _ => None,
            };
            if let Some(why) = unusable {
                return Err(Raised::Text(why.to_vec()).into());
            }
            table.raw_set(key, value)?;
        }
        Ok(Value::Table(table))
    }
}
