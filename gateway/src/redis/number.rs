//! Redis's ways to read and print numbers.

/// A decimal 64-bit number as Redis reads it: no sign `+`, no blanks, no leading zeros.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let first = *digits.first()?;
    let plain = digits.iter().all(u8::is_ascii_digit);
    let canonical = first != b'0' || text == b"0";
    if !plain || !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A float as INCRBYFLOAT reads it: no blanks, no NaN, hexadecimal is not supported.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    if text.is_empty() || text.len() > 255 || text.iter().any(u8::is_ascii_whitespace) {
        return None;
    }
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!number.is_nan()).then_some(number)
}

/// The shortest digits that read back as the same double, integers without a fraction: what
/// RESP prints for scores (`%.17g` shortened).
pub fn print_f64(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.into();
    }
    if number == 0.0 {
        return if number.is_sign_negative() { "-0" } else { "0" }.into();
    }
    let magnitude = number.abs();
    if (1e-5..1e17).contains(&magnitude) {
        return format!("{number}");
    }
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_strict() {
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        for bad in [
            "",
            "+1",
            "01",
            "-0",
            " 1",
            "1 ",
            "9223372036854775808",
            "1.0",
            "-",
        ] {
            assert_eq!(parse_i64(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn doubles_print_short() {
        let cases = [
            (1_795_230_282_416.0, "1795230282416"),
            (0.1, "0.1"),
            (f64::INFINITY, "inf"),
            (1e21, "1e+21"),
            (1.5e-7, "1.5e-07"),
        ];
        for (number, text) in cases {
            assert_eq!(print_f64(number), text);
        }
    }
}
