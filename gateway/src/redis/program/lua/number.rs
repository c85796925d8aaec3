//! C's `%.Ng`, in which Lua shows numbers (14 digits) and hands them to commands (17).

use mlua::Value;

/// The number a value is, without conversions.
pub fn of(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(n) => Some(*n as f64),
        Value::Number(n) => Some(*n),
        _ => None,
    }
}

/// `%.{digits}g` of C.
pub fn general(number: f64, digits: usize) -> String {
    if number.is_nan() {
        return if number.is_sign_negative() {
            "-nan"
        } else {
            "nan"
        }
        .into();
    }
    if number.is_infinite() {
        return if number < 0.0 { "-inf" } else { "inf" }.into();
    }
    let digits = digits.max(1);
    let scientific = format!("{number:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let precision = i32::try_from(digits).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= precision {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.abs());
    }
    let decimals = usize::try_from(precision - 1 - exponent).unwrap_or(0);
    without_zeros(&format!("{number:.decimals$}")).to_owned()
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

fn without_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn general_is_c_s() {
        // As printf of glibc has them.
        let cases = [
            (3.3, 17, "3.2999999999999998"),
            (3.3, 14, "3.3"),
            (1e15 + 0.5, 17, "1000000000000000.5"),
            (1e15, 14, "1e+15"),
            (9_007_199_254_740_992.0, 17, "9007199254740992"),
            (9_007_199_254_740_992.0, 14, "9.007199254741e+15"),
            (1e20, 17, "1e+20"),
            (1e-5, 14, "1e-05"),
            (0.0001, 14, "0.0001"),
            (-0.0, 14, "-0"),
            (99_999_999_999_999.9, 14, "1e+14"),
            (f64::INFINITY, 17, "inf"),
            (-f64::NAN, 17, "-nan"),
            (1_795_231_915_600.0, 17, "1795231915600"),
        ];
        for (number, digits, text) in cases {
            assert_eq!(general(number, digits), text);
        }
    }

    #[test]
    fn strings_read_as_lua_reads_them() {
        assert_eq!(parse(b" 0x10 "), Some(16.0));
        assert_eq!(parse(b"-1.5e3"), Some(-1500.0));
        assert_eq!(parse(b"1x"), None);
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"--1"), None);
    }
}
