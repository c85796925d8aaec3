//! INCRBYFLOAT and the sums it needs: in 80-bit floats as Redis makes them, in doubles where those
//! are out of reach.

use bytes::Bytes;
use quorate_core::command::Life;
use quorate_core::outcome::Cause;

use super::extended::Extended;
use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::number::parse_f64;
use crate::redis::program::View;
use crate::redis::reply::Reply;

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

/// INCRBYFLOAT key increment: keeps the life; the new number.
pub fn incrbyfloat(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let (key, by) = (args.take()?, args.take()?);
    let old = view
        .string(key)?
        .unwrap_or_else(|| Bytes::from_static(b"0"));
    let old = Decimal::parse(&old).ok_or(Fault::NOT_A_FLOAT)?;
    let by = Decimal::parse(by).ok_or(Fault::NOT_A_FLOAT)?;
    let sum = add_floats(old, by).ok_or(INFINITE)?;
    view.because(Cause::AddFloat);
    view.put_bytes(key, sum.clone().into(), Life::Keep { must_exist: false });
    Ok(Reply::text(sum))
}

const INFINITE: Fault = Fault::fixed("ERR increment would produce NaN or Infinity");

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
