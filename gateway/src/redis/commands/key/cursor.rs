//! Cursors of the SCAN family without memory in any server.
//!
//! Elements are walked in the order of a fixed hash of their name; a cursor is the hash to go on
//! from. So it means the same on every member and after a restart, and an element that is there
//! during the whole walk is shown exactly once, whatever else comes and goes. Hashes have 48 bits
//! since some clients keep cursors in doubles.

use bytes::Bytes;

use super::glob::{glob, literal_beginning};
use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::reply::Reply;

/// Where a walk goes on; 0 is both the start and the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(u64);

impl Cursor {
    pub const START: Cursor = Cursor(0);

    pub fn parse(text: &[u8]) -> Result<Cursor, Fault> {
        // As C's strtoul reads it: nothing is 0, and a minus turns the number around.
        let (minus, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] => (false, digits),
            digits => (false, digits),
        };
        let plain = digits.iter().all(u8::is_ascii_digit) && digits.is_empty() == text.is_empty();
        let zero = if digits.is_empty() { &b"0"[..] } else { digits };
        let number: Option<u64> = std::str::from_utf8(zero)
            .ok()
            .and_then(|text| text.parse().ok());
        match number {
            Some(number) if plain && minus => Ok(Cursor(number.wrapping_neg())),
            Some(number) if plain => Ok(Cursor(number)),
            _ => Err(Fault::fixed("ERR invalid cursor")),
        }
    }

    /// The place to go on from.
    pub fn place(self) -> u64 {
        self.0
    }

    pub fn at(place: u64) -> Cursor {
        Cursor(place)
    }

    /// The two-part answer of a scan.
    pub fn reply(self, elements: Vec<Reply>) -> Reply {
        Reply::Array(vec![
            Reply::text(self.0.to_string()),
            Reply::Array(elements),
        ])
    }
}

/// MATCH, COUNT and (SCAN only) TYPE.
#[derive(Clone, Debug)]
pub struct ScanOptions {
    pattern: Option<Bytes>,
    pub count: usize,
    /// Lower case.
    pub type_name: Option<Vec<u8>>,
}

impl ScanOptions {
    pub fn parse(args: &mut Args<'_>, with_type: bool) -> Result<ScanOptions, Fault> {
        let mut options = ScanOptions {
            pattern: None,
            count: 10,
            type_name: None,
        };
        while let Some(word) = args.take_keyword() {
            match word.as_slice() {
                b"MATCH" => {
                    let pattern = args.take()?.clone();
                    options.pattern = Some(pattern).filter(|pattern| pattern.as_ref() != b"*");
                }
                b"COUNT" => {
                    let count = args.take_i64()?;
                    let count = usize::try_from(count).ok().filter(|count| *count > 0);
                    options.count = count.ok_or(Fault::SYNTAX)?;
                }
                b"TYPE" if with_type => options.type_name = Some(args.take()?.to_ascii_lowercase()),
                _ => return Err(Fault::SYNTAX),
            }
        }
        Ok(options)
    }

    /// What every name that matches begins with.
    pub fn beginning(&self) -> Vec<u8> {
        let pattern = self.pattern.as_deref();
        pattern.map(literal_beginning).unwrap_or_default()
    }

    pub fn matches(&self, name: &[u8]) -> bool {
        self.pattern
            .as_ref()
            .is_none_or(|pattern| glob(pattern, name, false))
    }
}

/// The `count` names that come next from the cursor on, and the cursor behind them. Names of one
/// place stay together.
pub fn pick(
    names: impl Iterator<Item = Bytes>,
    cursor: Cursor,
    count: usize,
) -> (Vec<Bytes>, Cursor) {
    let placed = names.map(|name| (place(&name), name));
    let mut left: Vec<(u64, Bytes)> = placed.filter(|(place, _)| *place >= cursor.0).collect();
    let next = if left.len() <= count {
        Cursor::START
    } else {
        let (_, (border, _), _) = left.select_nth_unstable_by_key(count, |(place, _)| *place);
        let border = *border;
        let before = left.iter().any(|(place, _)| *place < border);
        // If all wanted ones share one place, go on behind it.
        let border = if before { border } else { border + 1 };
        left.retain(|(place, _)| *place < border);
        Cursor(border)
    };
    left.sort_unstable();
    (left.into_iter().map(|(_, name)| name).collect(), next)
}

/// The place of a name in the walk: 48 bits, never 0.
pub fn place(name: &[u8]) -> u64 {
    // FNV-1a, then a final mix so that short names spread over all bits.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    ((hash ^ (hash >> 32)) & 0xffff_ffff_ffff).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_walk_shows_everything_once() {
        let names: Vec<Bytes> = (0..1000).map(|n| Bytes::from(format!("key:{n}"))).collect();
        let (mut seen, mut cursor, mut turns) = (Vec::new(), Cursor::START, 0);
        loop {
            let (some, next) = pick(names.iter().cloned(), cursor, 7);
            seen.extend(some);
            turns += 1;
            if next == Cursor::START {
                break;
            }
            cursor = next;
        }
        assert!(turns > 100, "{turns}");
        assert_eq!(seen.len(), 1000);
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>().len(), 1000);
    }

    #[test]
    fn cursors_are_strict() {
        assert!(Cursor::parse(b"0").is_ok());
        assert_eq!(Cursor::parse(b""), Ok(Cursor::START));
        assert_eq!(Cursor::parse(b"-1"), Ok(Cursor(u64::MAX)));
        for bad in ["-", "+", "1x", "x", "99999999999999999999"] {
            assert!(Cursor::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
