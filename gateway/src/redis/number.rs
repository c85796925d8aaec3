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
}
