//! INCRBYFLOAT and the decimal sums it needs.
//!
//! Redis adds in 80-bit floats and prints 17 decimals, so `0.1 + 0.2` is `0.3` there and not the
//! `0.30000000000000004` of doubles. Sums are made in fixed point of 17 decimals where both
//! numbers fit, else in doubles.

use bytes::Bytes;
use quorate_core::command::Life;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::number::parse_f64;
use crate::redis::program::View;
use crate::redis::reply::Reply;

const DECIMALS: i32 = 17;
/// Beyond this (in units of 10^-17) sums are made in doubles.
const FIXED_MAX: i128 = 1 << 120;

/// A number as text gave it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decimal {
    Fixed(i128),
    Double(f64),
}

impl Decimal {
    pub fn parse(text: &[u8]) -> Option<Decimal> {
        let double = parse_f64(text)?;
        Some(fixed(text).map_or(Decimal::Double(double), Decimal::Fixed))
    }

    fn double(self) -> f64 {
        match self {
            Decimal::Fixed(units) => units as f64 / 1e17,
            Decimal::Double(double) => double,
        }
    }
}

/// The number in units of 10^-17; None if it has no such form.
fn fixed(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
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
    let shift = DECIMALS
        .checked_add(exponent)?
        .checked_sub(i32::try_from(part.len()).ok()?)?;
    if !(0..=34).contains(&shift) || whole.len() + part.len() > 30 {
        return None;
    }
    let joined: i128 = format!("{whole}{part}").parse().ok()?;
    let units = joined.checked_mul(10_i128.pow(shift.unsigned_abs()))?;
    let units = if negative { -units } else { units };
    (units.abs() < FIXED_MAX).then_some(units)
}

/// The sum, printed as Redis prints it; None for infinity or not a number.
pub fn add_floats(left: Decimal, right: Decimal) -> Option<String> {
    if let (Decimal::Fixed(left), Decimal::Fixed(right)) = (left, right) {
        return Some(print_fixed(left + right));
    }
    let sum = left.double() + right.double();
    sum.is_finite().then(|| trim(&format!("{sum:.17}")))
}

fn print_fixed(units: i128) -> String {
    let unit = 10_u128.pow(DECIMALS.unsigned_abs());
    let magnitude = units.unsigned_abs();
    let sign = if units < 0 { "-" } else { "" };
    trim(&format!(
        "{sign}{}.{:017}",
        magnitude / unit,
        magnitude % unit
    ))
}

fn trim(text: &str) -> String {
    text.trim_end_matches('0').trim_end_matches('.').into()
}

/// INCRBYFLOAT key increment: keeps the life; the new number.
pub fn incrbyfloat(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let (key, by) = (args.take()?, args.take()?);
    let old = view
        .string(key)?
        .unwrap_or_else(|| Bytes::from_static(b"0"));
    let old = Decimal::parse(&old).ok_or(Fault::NOT_A_FLOAT)?;
    let by = Decimal::parse(by).ok_or(Fault::NOT_A_FLOAT)?;
    let sum = add_floats(old, by).ok_or(INFINITE)?;
    view.put_bytes(key, sum.clone().into(), Life::Keep { must_exist: false });
    Ok(Reply::text(sum))
}

const INFINITE: Fault = Fault::fixed("ERR increment would produce NaN or Infinity");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_decimal() {
        let sum = |a: &str, b: &str| {
            let parse = |text: &str| Decimal::parse(text.as_bytes()).expect("a number");
            add_floats(parse(a), parse(b))
        };
        assert_eq!(sum("0.1", "0.2").as_deref(), Some("0.3"));
        assert_eq!(sum("10.50", "-5").as_deref(), Some("5.5"));
        assert_eq!(sum("5.0e3", "2.0e2").as_deref(), Some("5200"));
        assert_eq!(sum("3", "-3").as_deref(), Some("0"));
        assert_eq!(sum("inf", "1"), None);
    }
}
