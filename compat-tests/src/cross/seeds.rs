//! Which seeds a run plays.

use std::env;
use std::ops::Range;

/// `QUORATE_SEEDS=a..b`, or `default`.
///
/// # Panics
/// When the variable holds something else.
pub fn chosen(default: Range<u64>) -> Range<u64> {
    match env::var("QUORATE_SEEDS") {
        Ok(text) => parse(&text).unwrap_or_else(|| panic!("QUORATE_SEEDS={text}: want a..b")),
        Err(_) => default,
    }
}

fn parse(text: &str) -> Option<Range<u64>> {
    let (first, end) = text.split_once("..")?;
    Some(first.trim().parse().ok()?..end.trim().parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_range_is_two_numbers() {
        assert_eq!(parse("3..17"), Some(3..17));
        assert_eq!(parse("3"), None);
        assert_eq!(parse("3..x"), None);
    }
}
