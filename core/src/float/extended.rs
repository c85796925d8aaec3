//! The 80-bit floats with which Redis adds: a 64-bit mantissa, rounded to nearest even, printed
//! with 17 decimals.
//!
//! Kept so that sums print the same digits: `5000 + 0.3` is `5000.29999999999999982` there.
//! Numbers beyond what 128 bits of work can hold are left to doubles (None).

/// `mantissa * 2^exponent`; the mantissa's top bit is set, or it is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extended {
    negative: bool,
    mantissa: u64,
    exponent: i32,
}

const ZERO: Extended = Extended {
    negative: false,
    mantissa: 0,
    exponent: 0,
};
/// Bits below the mantissa while adding; more only need to be known as "some".
const SPARE_BITS: u32 = 62;
const DECIMALS: u32 = 17;
/// Largest power of ten whose doubled remainders fit 128 bits.
const POWER_MAX: u32 = 37;

impl Extended {
    /// A decimal number with an optional exponent, as a parser of floats has accepted it.
    pub fn parse(text: &str) -> Option<Extended> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, digits) = match mantissa.as_bytes().first()? {
            b'-' => (true, &mantissa[1..]),
            b'+' => (false, &mantissa[1..]),
            _ => (false, mantissa),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let scale = exponent.checked_sub(i32::try_from(part.len()).ok()?)?;
        let number: u128 = format!("0{whole}{part}").parse().ok()?;
        let power = 10_u128.checked_pow(scale.unsigned_abs().min(POWER_MAX + 1))?;
        if scale.unsigned_abs() > POWER_MAX {
            return None;
        }
        let value = if scale >= 0 {
            Extended::ratio(number.checked_mul(power)?, 1)
        } else {
            Extended::ratio(number, power)
        };
        Some(Extended { negative, ..value })
    }

    /// The nearest to `number / by`.
    fn ratio(number: u128, by: u128) -> Extended {
        let (mut bits, mut rest, mut exponent) = (number / by, number % by, 0);
        if number == 0 {
            return ZERO;
        }
        while bits >> 64 == 0 {
            rest <<= 1;
            let bit = rest >= by;
            rest -= if bit { by } else { 0 };
            bits = bits << 1 | u128::from(bit);
            exponent -= 1;
        }
        Extended::rounded(bits, rest != 0, exponent)
    }

    /// The nearest to `bits * 2^exponent`, a little more if `some` is lost below.
    fn rounded(bits: u128, some: bool, exponent: i32) -> Extended {
        let length = u128::BITS - bits.leading_zeros();
        if length <= 64 {
            let shift = 64 - length;
            let mantissa = (bits << shift) as u64;
            return Extended {
                negative: false,
                mantissa,
                exponent: exponent - shift as i32,
            };
        }
        let shift = length - 64;
        let (kept, lost) = ((bits >> shift) as u64, bits & ((1 << shift) - 1));
        let half = 1_u128 << (shift - 1);
        let up = lost > half || lost == half && (some || kept & 1 == 1);
        let exponent = exponent + shift as i32;
        match kept.checked_add(u64::from(up)) {
            Some(mantissa) => Extended {
                negative: false,
                mantissa,
                exponent,
            },
            None => Extended {
                negative: false,
                mantissa: 1 << 63,
                exponent: exponent + 1,
            },
        }
    }

    pub fn add(self, other: Extended) -> Extended {
        let (large, small) = if self.exponent >= other.exponent {
            (self, other)
        } else {
            (other, self)
        };
        if large.mantissa == 0 || small.mantissa == 0 {
            return if large.mantissa == 0 { small } else { large };
        }
        let apart = large.exponent.abs_diff(small.exponent);
        let left = u128::from(large.mantissa) << SPARE_BITS;
        let whole = u128::from(small.mantissa) << SPARE_BITS;
        let right = whole.checked_shr(apart).unwrap_or(0);
        // What is shifted out only matters as "some": one bit, far below the rounding place.
        let lost = right.checked_shl(apart).unwrap_or(0) != whole;
        let right = right | u128::from(lost);
        let exponent = large.exponent - SPARE_BITS as i32;
        let (bits, negative) = if large.negative == small.negative {
            (left + right, large.negative)
        } else if left >= right {
            (left - right, large.negative)
        } else {
            (right - left, small.negative)
        };
        if bits == 0 {
            return ZERO;
        }
        Extended {
            negative,
            ..Extended::rounded(bits, false, exponent)
        }
    }

    /// `%.17Lf` without trailing zeros; None if too large for 128 bits.
    pub fn print(self) -> Option<String> {
        let mantissa = u128::from(self.mantissa);
        if self.exponent >= 0 {
            let whole = (self.exponent <= 64).then(|| mantissa << self.exponent)?;
            return Some(self.signed(whole, 0));
        }
        let scale = self.exponent.unsigned_abs();
        if scale > 124 {
            return Some("0".into());
        }
        let mask = (1_u128 << scale) - 1;
        let (mut whole, mut rest, mut part) = (mantissa >> scale, mantissa & mask, 0_u128);
        for _ in 0..DECIMALS {
            rest *= 10;
            part = part * 10 + (rest >> scale);
            rest &= mask;
        }
        let half = 1_u128 << (scale - 1);
        part += u128::from(rest > half || rest == half && part & 1 == 1);
        if part == 10_u128.pow(DECIMALS) {
            (whole, part) = (whole + 1, 0);
        }
        Some(self.signed(whole, part))
    }

    fn signed(self, whole: u128, part: u128) -> String {
        let sign = if self.negative && (whole, part) != (0, 0) {
            "-"
        } else {
            ""
        };
        let text = format!("{sign}{whole}.{part:017}");
        text.trim_end_matches('0').trim_end_matches('.').into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digits of redis-server 7.0.15 on x86-64.
    #[test]
    fn sums_as_redis_prints_them() {
        let cases = [
            ("0.1", "0.2", "0.3"),
            ("5.0e3", "0.3", "5000.29999999999999982"),
            ("5000.29999999999999982", "-200", "4800.29999999999999982"),
            ("3", "-3", "0"),
            ("-1", "0.5", "-0.5"),
            ("0", "0", "0"),
            ("1e18", "1", "1000000000000000001"),
        ];
        for (left, right, sum) in cases {
            let parse = |text| Extended::parse(text).expect("a number");
            assert_eq!(
                parse(left).add(parse(right)).print().as_deref(),
                Some(sum),
                "{left}"
            );
        }
    }
}
