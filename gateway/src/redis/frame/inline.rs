//! Inline requests: words on a line, as typed into telnet.
//!
//! Double quotes know `\n \r \t \b \a \xHH` and `\` before anything else; single quotes know only
//! `\'`. A closing quote ends its word, so a blank or the end must follow.

use bytes::Bytes;

/// The words of a line; None if quotes are unbalanced.
pub fn split(line: &[u8]) -> Option<Vec<Bytes>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        let start = rest.iter().position(|b| !is_blank(*b));
        let Some(start) = start else {
            return Some(words);
        };
        let (word, after) = word(&rest[start..])?;
        words.push(Bytes::from(word));
        rest = after;
    }
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b || byte == 0
}

fn word(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    loop {
        match rest {
            [] => return Some((word, rest)),
            [b, ..] if is_blank(*b) => return Some((word, rest)),
            [b'"', after @ ..] => return closed(double_quoted(after, &mut word)?, word),
            [b'\'', after @ ..] => return closed(single_quoted(after, &mut word)?, word),
            [b, after @ ..] => {
                word.push(*b);
                rest = after;
            }
        }
    }
}

/// Nothing but a blank or the end may follow a closing quote.
fn closed(after: &[u8], word: Vec<u8>) -> Option<(Vec<u8>, &[u8])> {
    after
        .first()
        .is_none_or(|b| is_blank(*b))
        .then_some((word, after))
}

fn double_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'"', after @ ..] => return Some(after),
            [b'\\', b'x', high, low, after @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                word.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            [b'\\', escaped, after @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                rest = after;
            }
            [b, after @ ..] => {
                word.push(*b);
                rest = after;
            }
        }
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'\\', b'\'', after @ ..] => {
                word.push(b'\'');
                rest = after;
            }
            [b'\'', after @ ..] => return Some(after),
            [b, after @ ..] => {
                word.push(*b);
                rest = after;
            }
        }
    }
}

fn hex(digit: u8) -> u8 {
    (digit as char).to_digit(16).map_or(0, |value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_quotes() {
        let words = |line: &[u8]| split(line).map(|words| words.concat().len());
        assert_eq!(split(b"set  a 1").map(|w| w.len()), Some(3));
        assert_eq!(split(b"echo \"a\\x41\\n\"").expect("words")[1], "aA\n");
        assert_eq!(split(b"echo 'it\\'s'").expect("words")[1], "it's");
        assert_eq!(split(b"echo \"\"").map(|w| w.len()), Some(2));
        assert_eq!(words(b"  "), Some(0));
        for bad in [&b"echo \"a"[..], b"echo 'a", b"echo \"a\"b", b"echo 'a'b"] {
            assert_eq!(words(bad), None);
        }
    }
}
