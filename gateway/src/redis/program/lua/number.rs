//! Lua's numbers: `tostring` shows 14 digits, commands get 17.

use mlua::Value;

pub use crate::redis::number::general;

/// The number a value is, without conversions.
pub fn of(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(n) => Some(*n as f64),
        Value::Number(n) => Some(*n),
        _ => None,
    }
}

/// The number that a value is or, being a string, reads as.
pub fn converted(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => parse(&text.as_bytes()),
        value => of(value),
    }
}

/// Truncated as a C cast to `int` on x86-64: what does not fit is the lowest number.
pub fn truncated_int(number: f64) -> i32 {
    i32::try_from(truncated(number)).unwrap_or(i32::MIN)
}

/// Truncated as a C cast to `long long` on x86-64: what does not fit is the lowest number.
pub fn truncated(number: f64) -> i64 {
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number);
    if fits { number as i64 } else { i64::MIN }
}

/// A number as Lua reads one from a string: blanks around it, hexadecimal integers, C's floats.
pub fn parse(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text)
        .ok()?
        .trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hex) => hexadecimal(hex)?,
        None if digits.starts_with(['+', '-']) => return None,
        None => digits.parse().ok()?,
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn hexadecimal(digits: &str) -> Option<f64> {
    let step = |sum: f64, digit: char| Some(sum * 16.0 + f64::from(digit.to_digit(16)?));
    (!digits.is_empty())
        .then(|| digits.chars().try_fold(0.0, step))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_read_as_lua_reads_them() {
        assert_eq!(parse(b" 0x10 "), Some(16.0));
        assert_eq!(parse(b"-1.5e3"), Some(-1500.0));
        assert_eq!(parse(b"1x"), None);
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"--1"), None);
    }
}
