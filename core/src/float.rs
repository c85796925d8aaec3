//! Sums of decimal numbers with a fraction: in 80-bit floats as Redis makes them, in doubles where
//! those are out of reach.

mod extended;

use extended::Extended;

/// A float as INCRBYFLOAT reads it: no blanks, no NaN, hexadecimal is not supported.
fn parse_f64(text: &[u8]) -> Option<f64> {
    if text.is_empty() || text.len() > 255 || text.iter().any(u8::is_ascii_whitespace) {
        return None;
    }
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!number.is_nan()).then_some(number)
}

/// A number as text gave it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decimal {
    double: f64,
    extended: Option<Extended>,
}

impl Decimal {
    pub fn parse(text: &[u8]) -> Option<Decimal> {
        let double = parse_f64(text)?;
        let extended = std::str::from_utf8(text).ok().and_then(Extended::parse);
        Some(Decimal { double, extended })
    }

    pub fn is_infinite(self) -> bool {
        self.double.is_infinite()
    }
}

/// The sum, printed as Redis prints it; None for infinity or not a number.
pub fn add_floats(left: Decimal, right: Decimal) -> Option<String> {
    let extended = left.extended.zip(right.extended);
    let exact = extended.and_then(|(left, right)| left.add(right).print());
    let sum = left.double + right.double;
    exact.or_else(|| sum.is_finite().then(|| trim(&format!("{sum:.17}"))))
}

fn trim(text: &str) -> String {
    text.trim_end_matches('0').trim_end_matches('.').into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinity_is_no_sum() {
        let parse = |text: &str| Decimal::parse(text.as_bytes()).expect("a number");
        assert_eq!(add_floats(parse("inf"), parse("1")), None);
        assert_eq!(
            add_floats(parse("10.50"), parse("-5")).as_deref(),
            Some("5.5")
        );
    }
}
