//! Character classes of patterns: `%a`, `[a-z%d]`, `.` and single characters.

use super::PatternError;

/// Where the item that begins at `at` ends (exclusive).
pub fn end(pattern: &[u8], at: usize) -> Result<usize, PatternError> {
    match pattern[at] {
        b'%' if at + 1 < pattern.len() => Ok(at + 2),
        b'%' => Err(PatternError::Malformed("malformed pattern (ends with '%')")),
        b'[' => set_end(pattern, at + 1),
        _ => Ok(at + 1),
    }
}

fn set_end(pattern: &[u8], mut at: usize) -> Result<usize, PatternError> {
    if pattern.get(at) == Some(&b'^') {
        at += 1;
    }
    // The first character belongs to the set even if it is `]`.
    loop {
        let byte = pattern
            .get(at)
            .ok_or(PatternError::Malformed("malformed pattern (missing ']')"))?;
        at += 1;
        if *byte == b'%' && at < pattern.len() {
            at += 1;
        }
        if pattern.get(at) == Some(&b']') {
            return Ok(at + 1);
        }
    }
}

/// Whether `byte` is in the item `pattern[at..end]`.
pub fn single(byte: u8, pattern: &[u8], at: usize, end: usize) -> bool {
    match pattern[at] {
        b'.' => true,
        b'%' => named(byte, pattern[at + 1]),
        b'[' => in_set(byte, &pattern[at + 1..end - 1]),
        own => own == byte,
    }
}

/// Whether `byte` is in a set, given without its brackets.
pub fn in_set(byte: u8, set: &[u8]) -> bool {
    let (negated, set) = match set.split_first() {
        Some((b'^', rest)) => (true, rest),
        _ => (false, set),
    };
    let mut rest = set;
    while let Some((first, after)) = rest.split_first() {
        let (hit, next) = match (first, after) {
            (b'%', [class, after @ ..]) => (named(byte, *class), after),
            (low, [b'-', high, after @ ..]) => ((*low..=*high).contains(&byte), after),
            (own, after) => (*own == byte, after),
        };
        if hit {
            return !negated;
        }
        rest = next;
    }
    negated
}

fn named(byte: u8, class: u8) -> bool {
    let hit = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => byte.is_ascii_whitespace() || byte == 0x0b,
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    hit != class.is_ascii_uppercase()
}
