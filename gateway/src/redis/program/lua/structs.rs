//! `struct`: packs numbers and strings into bytes and back, by format strings.

use mlua::{Lua, MultiValue, Result, Table, Value};

use super::arguments::Arguments;
use super::limits::MEMORY_MAX;
use super::number;
use super::raised::Raised;

/// Largest size of an integer in bytes.
const INTEGER_BYTES_MAX: usize = 32;

/// `!` without a number: the alignment of a double.
const ALIGNMENT_MAX: usize = 8;

pub fn table(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("pack", lua.create_function(pack)?)?;
    table.raw_set("unpack", lua.create_function(unpack)?)?;
    table.raw_set("size", lua.create_function(size)?)?;
    Ok(table)
}

/// What stands for no value, as `<`.
const CONTROL: u8 = b' ';

/// One option of a format with the bytes it takes (0: as many as its value has).
struct Item {
    option: u8,
    size: usize,
    /// Bytes to skip before it.
    padding: usize,
}

/// Reads a format, option by option. Little-endian and unaligned unless the format says so.
struct Format<'a, 'b> {
    args: &'a Arguments<'b>,
    lua: &'a Lua,
    text: &'a [u8],
    is_big: bool,
    alignment: usize,
    /// Bytes of the data, if some is read.
    data: usize,
}

impl<'a, 'b> Format<'a, 'b> {
    fn new(args: &'a Arguments<'b>, lua: &'a Lua, text: &'a [u8]) -> Format<'a, 'b> {
        Format {
            args,
            lua,
            // A C string to it.
            text: text.split(|byte| *byte == 0).next().unwrap_or_default(),
            is_big: false,
            alignment: 1,
            data: usize::MAX,
        }
    }

    fn too_short(&self) -> mlua::Error {
        self.args.error(2, "data string too short")
    }

    fn digits(&mut self, default: usize) -> Result<usize> {
        let count = self
            .text
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (digits, rest) = self.text.split_at(count);
        self.text = rest;
        if count == 0 {
            return Ok(default);
        }
        let number: Option<usize> = std::str::from_utf8(digits)
            .ok()
            .and_then(|d| d.parse().ok());
        let number = number.filter(|number| i32::try_from(*number).is_ok());
        number.ok_or_else(|| Raised::here(self.lua, "integral size overflow"))
    }

    /// The next option, `total` bytes into the data; None at the end.
    fn next(&mut self, total: usize) -> Result<Option<Item>> {
        let Some((option, rest)) = self.text.split_first() else {
            return Ok(None);
        };
        self.text = rest;
        let size = match option {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'f' => 4,
            b'c' => self.digits(1)?,
            b'i' | b'I' => self.integer_size()?,
            _ => 0,
        };
        let option = match option {
            b'<' | b'>' | b'!' | b' ' if total > self.data => return Err(self.too_short()),
            b'<' | b'>' | b'!' | b' ' => self.control(*option)?,
            _ => *option,
        };
        let padding = match (option, size.min(self.alignment)) {
            (b'c', _) | (_, 0) => 0,
            // Its formula, whatever comes of sizes that are no powers of 2.
            (_, aligned) => (aligned - (total & (aligned - 1))) & (aligned - 1),
        };
        Ok(Some(Item {
            option,
            size,
            padding,
        }))
    }

    fn unknown(&self, option: u8) -> mlua::Error {
        let text = format!("invalid format option '{}'", char::from(option));
        self.args.error(1, &text)
    }

    fn integer_size(&mut self) -> Result<usize> {
        let size = self.digits(4)?;
        if size <= INTEGER_BYTES_MAX {
            return Ok(size);
        }
        let text = format!("integral size {size} is larger than limit of {INTEGER_BYTES_MAX}");
        Err(Raised::here(self.lua, text))
    }

    fn control(&mut self, option: u8) -> Result<u8> {
        match option {
            b'<' => self.is_big = false,
            b'>' => self.is_big = true,
            b'!' => {
                self.alignment = self.digits(ALIGNMENT_MAX)?;
                if !self.alignment.is_power_of_two() {
                    let text = format!("alignment {} is not a power of 2", self.alignment);
                    return Err(Raised::here(self.lua, text));
                }
            }
            _ => {}
        }
        Ok(CONTROL)
    }

    fn in_order(&self, mut little: Vec<u8>) -> Vec<u8> {
        if self.is_big {
            little.reverse();
        }
        little
    }
}

fn pack(lua: &Lua, mut args: MultiValue) -> Result<Value> {
    // As in the original, a missing value is a nil.
    args.push_back(Value::Nil);
    let args = Arguments::new(lua, args);
    let text = args.bytes(1)?;
    let mut format = Format::new(&args, lua, &text);
    let mut made = Vec::new();
    let mut index = 2;
    while let Some(item) = format.next(made.len())? {
        made.resize(made.len() + item.padding, 0);
        match item.option {
            CONTROL => continue,
            b'x' => made.push(0),
            b'f' => {
                let bytes = (args.number(index)? as f32).to_le_bytes().to_vec();
                made.extend(format.in_order(bytes));
            }
            b'd' => {
                let bytes = args.number(index)?.to_le_bytes().to_vec();
                made.extend(format.in_order(bytes));
            }
            b'c' | b's' => {
                let data = args.bytes(index)?;
                let size = if item.size == 0 {
                    data.len()
                } else {
                    item.size
                };
                let data = data
                    .get(..size)
                    .ok_or_else(|| args.error(index + 1, "string too short"))?;
                made.extend_from_slice(data);
                if item.option == b's' {
                    made.push(0);
                }
            }
            option if is_integer(option) => {
                let mut bytes = word(args.number(index)?).to_le_bytes().to_vec();
                bytes.resize(item.size, 0);
                made.extend(format.in_order(bytes));
            }
            other => return Err(format.unknown(other)),
        }
        if item.option != b'x' {
            index += 1;
        }
        if made.len() > MEMORY_MAX {
            return Err(Raised::Text(b"not enough memory".to_vec()).into());
        }
    }
    lua.create_string(made).map(Value::String)
}

fn is_integer(option: u8) -> bool {
    matches!(
        option,
        b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I'
    )
}

/// A number as a C cast to 64 bits on x86-64 makes it; negative ones in two's complement.
fn word(number: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    match number >= HALF {
        true => number::truncated(number - HALF).cast_unsigned() ^ (1 << 63),
        false => number::truncated(number).cast_unsigned(),
    }
}

fn unpack(lua: &Lua, args: MultiValue) -> Result<MultiValue> {
    let args = Arguments::new(lua, args);
    let (text, data) = (args.bytes(1)?, args.bytes(2)?);
    let offset = args.integer_or(3, 1)?;
    if offset == 0 {
        return Err(args.error(3, "offset must be 1 or greater"));
    }
    // A negative one is behind all data.
    let mut at = (offset - 1).cast_unsigned() as usize;
    let mut format = Format::new(&args, lua, &text);
    format.data = data.len();
    let mut results: Vec<Value> = Vec::new();
    while let Some(item) = format.next(at)? {
        at = at.wrapping_add(item.padding);
        let too_short = || format.too_short();
        let part = |size: usize| {
            let rest = data.get(at..)?;
            rest.get(..size)
        };
        let bytes = part(item.size).ok_or_else(too_short)?;
        let mut size = item.size;
        match item.option {
            CONTROL | b'x' => {}
            b'c' if size == 0 => {
                let text = "format 'c0' needs a previous size";
                let previous = results.pop().and_then(|value| number::converted(&value));
                let previous = previous.ok_or_else(|| Raised::here(lua, text))?;
                size = usize::try_from(number::truncated(previous)).map_err(|_| too_short())?;
                let bytes = part(size).ok_or_else(too_short)?;
                results.push(Value::String(lua.create_string(bytes)?));
            }
            b'c' => results.push(Value::String(lua.create_string(bytes)?)),
            b's' => {
                let end = data[at..].iter().position(|byte| *byte == 0);
                let end = end.ok_or_else(|| Raised::here(lua, "unfinished string in data"))?;
                results.push(Value::String(lua.create_string(&data[at..at + end])?));
                size = end + 1;
            }
            option if is_integer(option) || matches!(option, b'f' | b'd') => {
                let little = format.in_order(bytes.to_vec());
                results.push(Value::Number(number_of(option, &little)));
            }
            other => return Err(format.unknown(other)),
        }
        at += size;
    }
    results.push(Value::Number(at.wrapping_add(1).cast_signed() as f64));
    Ok(results.into_iter().collect())
}

/// The number in little-endian bytes.
fn number_of(option: u8, little: &[u8]) -> f64 {
    let mut eight = [0; 8];
    let count = little.len().min(8);
    eight[..count].copy_from_slice(&little[..count]);
    match option {
        b'f' => f64::from(f32::from_le_bytes([eight[0], eight[1], eight[2], eight[3]])),
        b'd' => f64::from_le_bytes(eight),
        _ => {
            let word = u64::from_le_bytes(eight);
            if option.is_ascii_uppercase() {
                return word as f64;
            }
            // C's shift on x86-64, by which a sign beyond 64 bits is looked for elsewhere.
            let bits = u32::try_from(little.len()).unwrap_or_default() * 8;
            let signs = u64::MAX.wrapping_shl(bits.wrapping_sub(1));
            let word = if word & signs == 0 {
                word
            } else {
                word | signs
            };
            word.cast_signed() as f64
        }
    }
}

fn size(lua: &Lua, args: MultiValue) -> Result<f64> {
    let args = Arguments::new(lua, args);
    let text = args.bytes(1)?;
    let mut format = Format::new(&args, lua, &text);
    let mut total = 0usize;
    while let Some(item) = format.next(total)? {
        match (item.option, item.size) {
            (b's', _) => return Err(args.error(1, "option 's' has no fixed size")),
            (b'c', 0) => return Err(args.error(1, "option 'c0' has no fixed size")),
            // Letters that stand for nothing are passed over here.
            (option, 0) if option != CONTROL && !option.is_ascii_alphanumeric() => {
                return Err(format.unknown(option));
            }
            (_, size) => total += item.padding + size,
        }
    }
    Ok(total as f64)
}
