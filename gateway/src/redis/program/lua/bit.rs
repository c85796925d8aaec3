//! `bit`: operations on 32-bit numbers, as Lua BitOp has them.

use mlua::{Lua, MultiValue, Result, Table};

use super::arguments::Arguments;

pub fn table(lua: &Lua) -> Result<Table> {
    let bit = lua.create_table()?;
    for (name, fold) in [
        ("band", (|a, b| a & b) as fn(u32, u32) -> u32),
        ("bor", |a, b| a | b),
        ("bxor", |a, b| a ^ b),
    ] {
        let function = lua.create_function(move |lua, args| folded(lua, args, fold))?;
        bit.raw_set(name, function)?;
    }
    for (name, one) in [
        ("tobit", (|a| a) as fn(u32) -> u32),
        ("bnot", |a| !a),
        ("bswap", u32::swap_bytes),
    ] {
        let function = lua.create_function(move |lua, args: MultiValue| {
            Ok(signed(one(word(&Arguments::new(lua, args), 1)?)))
        })?;
        bit.raw_set(name, function)?;
    }
    for (name, shift) in [
        ("lshift", (|a, n| a << n) as fn(u32, u32) -> u32),
        ("rshift", |a, n| a >> n),
        ("arshift", |a, n| (a.cast_signed() >> n).cast_unsigned()),
        ("rol", u32::rotate_left),
        ("ror", u32::rotate_right),
    ] {
        let function = lua.create_function(move |lua, args: MultiValue| {
            let args = Arguments::new(lua, args);
            Ok(signed(shift(word(&args, 1)?, word(&args, 2)? & 31)))
        })?;
        bit.raw_set(name, function)?;
    }
    bit.raw_set("tohex", lua.create_function(to_hex)?)?;
    Ok(bit)
}

/// An argument's lowest 32 bits; fractions round to the nearest even number.
fn word(args: &Arguments<'_>, index: usize) -> Result<u32> {
    // Adding 1.5 * 2^52 leaves the rounded number in the low bits of the mantissa.
    let number = args.number(index)? + 6_755_399_441_055_744.0;
    Ok((number.to_bits() & 0xffff_ffff) as u32)
}

fn signed(word: u32) -> f64 {
    f64::from(word.cast_signed())
}

fn folded(lua: &Lua, args: MultiValue, fold: fn(u32, u32) -> u32) -> Result<f64> {
    let args = Arguments::new(lua, args);
    let mut sum = word(&args, 1)?;
    for index in 2..=args.len() {
        sum = fold(sum, word(&args, index)?);
    }
    Ok(signed(sum))
}

/// `tohex(n, digits)`: the lowest digits (8), in upper case if the number of digits is negative.
fn to_hex(lua: &Lua, args: MultiValue) -> Result<String> {
    let args = Arguments::new(lua, args);
    let number = word(&args, 1)?;
    let digits = if args.len() < 2 {
        8
    } else {
        word(&args, 2)?.cast_signed()
    };
    let width = usize::try_from(digits.unsigned_abs()).unwrap_or(8).min(8);
    let text = format!("{number:08x}");
    let text = &text[text.len() - width..];
    Ok(if digits < 0 {
        text.to_ascii_uppercase()
    } else {
        text.to_owned()
    })
}
