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
}

impl<'a, 'b> Format<'a, 'b> {
    fn new(args: &'a Arguments<'b>, lua: &'a Lua, text: &'a [u8]) -> Format<'a, 'b> {
        Format {
            args,
            lua,
            text,
            is_big: false,
            alignment: 1,
        }
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

    /// The next option with a value, `total` bytes into the data; None at the end.
    fn next(&mut self, total: usize) -> Result<Option<Item>> {
        loop {
            let Some((option, rest)) = self.text.split_first() else {
                return Ok(None);
            };
            self.text = rest;
            let size = match option {
                b'b' | b'B' | b'x' => 1,
                b'h' | b'H' => 2,
                b'l' | b'L' | b'T' | b'd' => 8,
                b'f' => 4,
                b's' => 0,
                b'c' => self.digits(1)?,
                b'i' | b'I' => self.integer_size()?,
                _ => {
                    self.control(*option)?;
                    continue;
                }
            };
            let aligned = size.min(self.alignment);
            let is_aligned = *option != b'c' && aligned > 1;
            let padding = if is_aligned {
                total.wrapping_neg() & (aligned - 1)
            } else {
                0
            };
            return Ok(Some(Item {
                option: *option,
                size,
                padding,
            }));
        }
    }

    fn integer_size(&mut self) -> Result<usize> {
        let size = self.digits(4)?;
        if size <= INTEGER_BYTES_MAX {
            return Ok(size);
        }
        let text = format!("integral size {size} is larger than limit of {INTEGER_BYTES_MAX}");
        Err(Raised::here(self.lua, text))
    }

    fn control(&mut self, option: u8) -> Result<()> {
        match option {
            b' ' => {}
            b'<' => self.is_big = false,
            b'>' => self.is_big = true,
            b'!' => {
                self.alignment = self.digits(ALIGNMENT_MAX)?;
                if !self.alignment.is_power_of_two() {
                    let text = format!("alignment {} is not a power of 2", self.alignment);
                    return Err(Raised::here(self.lua, text));
                }
            }
            other => {
                let text = format!("invalid format option '{}'", char::from(other));
                return Err(self.args.error(1, &text));
            }
        }
        Ok(())
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
            _ => {
                let mut bytes = word(args.number(index)?).to_le_bytes().to_vec();
                bytes.resize(item.size, 0);
                made.extend(format.in_order(bytes));
            }
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

/// A number as 64 bits; negative ones in two's complement.
fn word(number: f64) -> u64 {
    if number < 0.0 {
        number::truncated(number).cast_unsigned()
    } else {
        number as u64
    }
}

fn unpack(lua: &Lua, args: MultiValue) -> Result<MultiValue> {
    let args = Arguments::new(lua, args);
    let (text, data) = (args.bytes(1)?, args.bytes(2)?);
    let start = args
        .integer_or(3, 1)?
        .checked_sub(1)
        .and_then(|at| usize::try_from(at).ok());
    let mut at = start.ok_or_else(|| args.error(3, "offset must be 1 or greater"))?;
    let mut format = Format::new(&args, lua, &text);
    let mut results: Vec<Value> = Vec::new();
    while let Some(item) = format.next(at)? {
        at += item.padding;
        let too_short = || args.error(2, "data string too short");
        let rest = data.get(at..).ok_or_else(too_short)?;
        let mut size = item.size;
        if item.option == b'c' && size == 0 {
            let previous = results.pop().and_then(|value| number::of(&value));
            let previous = previous.map(|n| usize::try_from(number::truncated(n)));
            let text = "format 'c0' needs a previous size";
            let previous = previous.ok_or_else(|| Raised::here(lua, text))?;
            size = previous.map_err(|_| too_short())?;
        }
        if item.option == b's' {
            let end = rest.iter().position(|byte| *byte == 0);
            size = 1 + end.ok_or_else(|| Raised::here(lua, "unfinished string in data"))?;
        }
        let bytes = rest.get(..size).ok_or_else(too_short)?;
        match item.option {
            b'x' => {}
            b'c' => results.push(Value::String(lua.create_string(bytes)?)),
            b's' => results.push(Value::String(lua.create_string(&bytes[..size - 1])?)),
            option => {
                let little = format.in_order(bytes.to_vec());
                results.push(Value::Number(number_of(option, &little)));
            }
        }
        at += size;
    }
    results.push(Value::Number((at + 1) as f64));
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
            let unused = 64 - 8 * u32::try_from(count.max(1)).unwrap_or(8);
            ((word << unused).cast_signed() >> unused) as f64
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
            (_, size) => total += item.padding + size,
        }
    }
    Ok(total as f64)
}
