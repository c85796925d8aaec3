//! Times to live as options: EX, PX, EXAT, PXAT and their limits.

use quorate_core::command::Life;
use quorate_core::types::UnixMillis;

use crate::redis::args::Args;
use crate::redis::fault::Fault;

/// Seconds or milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Millis,
}

/// A life that an option named: how long, or until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    pub life: Life,
}

impl Expiry {
    /// Reads the number behind `EX`, `PX`, `EXAT` or `PXAT`. Redis's rules: above zero, and no
    /// overflow of its 64-bit millisecond clock, else "invalid expire time".
    pub fn parse(option: &[u8], args: &mut Args<'_>, command: &str) -> Result<Expiry, Fault> {
        let (unit, absolute) = match option {
            b"EX" => (Unit::Seconds, false),
            b"PX" => (Unit::Millis, false),
            b"EXAT" => (Unit::Seconds, true),
            b"PXAT" => (Unit::Millis, true),
            _ => return Err(Fault::SYNTAX),
        };
        let number = args.take_i64()?;
        Expiry::positive(number, unit, absolute, command)
    }

    /// As SETEX and the options of SET take it.
    pub fn positive(
        number: i64,
        unit: Unit,
        absolute: bool,
        command: &str,
    ) -> Result<Expiry, Fault> {
        let invalid = || Fault::invalid_expire(command);
        let millis = to_millis(number, unit)
            .filter(|ms| *ms > 0)
            .ok_or_else(invalid)?;
        if absolute {
            return Ok(Expiry {
                life: Life::Until(UnixMillis(millis.unsigned_abs())),
            });
        }
        if millis > RELATIVE_MS_MAX {
            return Err(invalid());
        }
        Ok(Expiry {
            life: Life::For(millis.unsigned_abs()),
        })
    }

    pub fn is_option(word: &[u8]) -> bool {
        matches!(word, b"EX" | b"PX" | b"EXAT" | b"PXAT")
    }
}

/// What Redis can add to a wall clock of our age without overflow. It subtracts the clock of the
/// moment; a fixed bound in the year 2262 gives the same answer for every number in use.
pub const RELATIVE_MS_MAX: i64 = i64::MAX - 9_223_372_036_854;

/// Milliseconds of a number of either unit; None on overflow.
pub fn to_millis(number: i64, unit: Unit) -> Option<i64> {
    match unit {
        Unit::Seconds => number.checked_mul(1000),
        Unit::Millis => Some(number),
    }
}
