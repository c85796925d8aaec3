//! Redis's glob patterns: `*`, `?`, `[a-z]`, `[^x]` and `\` as escape, on bytes.
//!
//! Runs in time linear in pattern times text: only the last `*` is ever tried again.

/// Whether the whole text matches.
pub fn glob(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    // Redis looks at the pattern only while there is text: `*` does not match nothing at all.
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p + 1, t));
            p += 1;
            continue;
        }
        if t == text.len() {
            return p == pattern.len();
        }
        if let Some(next) = step(pattern, p, text[t], ignore_case) {
            p = next;
            t += 1;
            continue;
        }
        let Some((after_star, at)) = star else {
            return false;
        };
        star = Some((after_star, at + 1));
        p = after_star;
        t = at + 1;
    }
}

/// What every text begins with that matches the whole pattern, case counting.
pub fn literal_beginning(pattern: &[u8]) -> Vec<u8> {
    let mut beginning = Vec::new();
    let mut rest = pattern;
    loop {
        rest = match rest {
            [b'*' | b'?' | b'[', ..] | [] => return beginning,
            [b'\\', escaped, rest @ ..] => {
                beginning.push(*escaped);
                rest
            }
            [literal, rest @ ..] => {
                beginning.push(*literal);
                rest
            }
        };
    }
}

/// Matches one byte with the element at `p`: where the next element begins, or None.
fn step(pattern: &[u8], p: usize, byte: u8, ignore_case: bool) -> Option<usize> {
    let fold = |b: u8| {
        if ignore_case {
            b.to_ascii_lowercase()
        } else {
            b
        }
    };
    match *pattern.get(p)? {
        b'?' => Some(p + 1),
        b'[' => class(pattern, p + 1, fold(byte), fold),
        b'\\' if p + 1 < pattern.len() => (fold(pattern[p + 1]) == fold(byte)).then_some(p + 2),
        other => (fold(other) == fold(byte)).then_some(p + 1),
    }
}

/// A class whose `[` was read; an unclosed one ends with the pattern.
fn class(pattern: &[u8], mut p: usize, byte: u8, fold: impl Fn(u8) -> u8) -> Option<usize> {
    let negated = pattern.get(p) == Some(&b'^');
    p += usize::from(negated);
    let mut found = false;
    loop {
        match pattern[p.min(pattern.len())..] {
            [] => break,
            [b'\\', escaped, ..] => {
                found |= fold(escaped) == byte;
                p += 2;
            }
            [b']', ..] => {
                p += 1;
                break;
            }
            [low, b'-', high, ..] => {
                let (low, high) = (fold(low.min(high)), fold(low.max(high)));
                found |= (low..=high).contains(&byte);
                p += 3;
            }
            [single, ..] => {
                found |= fold(single) == byte;
                p += 1;
            }
        }
    }
    (found != negated).then_some(p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let yes = [
            ("", ""),
            ("*", "x"),
            ("h?llo", "hello"),
            ("h*o", "heeello"),
            ("h[a-c]t", "hbt"),
            ("h[^x]t", "hat"),
            ("a\\*b", "a*b"),
            ("*a*b", "xxaxxb"),
            ("[\\]]", "]"),
        ];
        for (pattern, text) in yes {
            assert!(
                glob(pattern.as_bytes(), text.as_bytes(), false),
                "{pattern}"
            );
        }
        for (pattern, text) in [
            ("", "a"),
            ("*", ""),
            ("[]", ""),
            ("a", ""),
            ("h[^a]t", "hat"),
            ("*x", "y"),
            ("a?", "a"),
        ] {
            assert!(
                !glob(pattern.as_bytes(), text.as_bytes(), false),
                "{pattern} {text}"
            );
        }
        assert!(glob(b"ABC*", b"abcd", true));
    }

    #[test]
    fn many_stars_stay_quick() {
        let pattern = "a*".repeat(500) + "b";
        assert!(!glob(
            pattern.as_bytes(),
            "a".repeat(5000).as_bytes(),
            false
        ));
    }

    #[test]
    fn beginnings() {
        for (pattern, beginning) in [
            ("", ""),
            ("*", ""),
            ("lock:*", "lock:"),
            ("lock", "lock"),
            ("a?c", "a"),
            ("a[bc]", "a"),
            ("a\\*b*", "a*b"),
            ("a\\", "a\\"),
        ] {
            let found = literal_beginning(pattern.as_bytes());
            assert_eq!(found, beginning.as_bytes(), "{pattern}");
        }
    }
}
