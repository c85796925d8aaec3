//! RESP2 and RESP3 replies, read strictly.
//!
//! Only the one canonical form of every number and length is taken, so two replies are equal just
//! when their bytes are.

use std::fmt;

/// One reply, with every difference that its bytes can show.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reply {
    Simple(Vec<u8>),
    Error(Vec<u8>),
    Integer(i64),
    Bulk(Vec<u8>),
    /// `$-1`
    NullBulk,
    /// `*-1`
    NullArray,
    /// `_`
    Null,
    Array(Vec<Reply>),
    Map(Vec<(Reply, Reply)>),
    Set(Vec<Reply>),
    Push(Vec<Reply>),
    /// Its text, as it came.
    Double(Vec<u8>),
    Boolean(bool),
    BigNumber(Vec<u8>),
    Verbatim(Vec<u8>),
}

impl Reply {
    pub fn bulk(text: &str) -> Self {
        Self::Bulk(text.as_bytes().to_vec())
    }

    /// The elements of an array, a set or a push; a map has none of these.
    pub fn elements(&self) -> Option<&[Reply]> {
        match self {
            Self::Array(all) | Self::Set(all) | Self::Push(all) => Some(all),
            _ => None,
        }
    }

    /// The bytes of whatever carries a text.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Simple(text) | Self::Bulk(text) | Self::Error(text) | Self::Verbatim(text) => {
                Some(text)
            }
            _ => None,
        }
    }

    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    /// Its bytes on the wire.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut line = |mark: u8, text: &[u8]| {
            out.push(mark);
            out.extend_from_slice(text);
            out.extend_from_slice(b"\r\n");
        };
        match self {
            Self::Simple(text) => line(b'+', text),
            Self::Error(text) => line(b'-', text),
            Self::Integer(number) => line(b':', number.to_string().as_bytes()),
            Self::Double(text) => line(b',', text),
            Self::BigNumber(text) => line(b'(', text),
            Self::Boolean(yes) => line(b'#', if *yes { b"t" } else { b"f" }),
            Self::NullBulk => line(b'$', b"-1"),
            Self::NullArray => line(b'*', b"-1"),
            Self::Null => line(b'_', b""),
            Self::Bulk(text) | Self::Verbatim(text) => {
                let mark = if matches!(self, Self::Bulk(_)) {
                    b'$'
                } else {
                    b'='
                };
                line(mark, text.len().to_string().as_bytes());
                out.extend_from_slice(text);
                out.extend_from_slice(b"\r\n");
            }
            Self::Map(pairs) => {
                line(b'%', pairs.len().to_string().as_bytes());
                for (name, value) in pairs {
                    name.encode(out);
                    value.encode(out);
                }
            }
            Self::Array(all) => encode_all(b'*', all, out),
            Self::Set(all) => encode_all(b'~', all, out),
            Self::Push(all) => encode_all(b'>', all, out),
        }
    }
}

fn encode_all(mark: u8, all: &[Reply], out: &mut Vec<u8>) {
    out.push(mark);
    out.extend_from_slice(all.len().to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
    all.iter().for_each(|element| element.encode(out));
}

/// The first reply in `bytes` and how long it is; none while it is incomplete, an error when these
/// are not the bytes of a canonical reply.
pub fn parse(bytes: &[u8]) -> Result<Option<(Reply, usize)>, String> {
    let mut reader = Reader { bytes, at: 0 };
    match reader.reply() {
        Ok(reply) => Ok(Some((reply, reader.at))),
        Err(Stop::More) => Ok(None),
        Err(Stop::Bad(why)) => Err(why),
    }
}

enum Stop {
    More,
    Bad(String),
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn reply(&mut self) -> Result<Reply, Stop> {
        let line = self.line()?.to_vec();
        let Some((&mark, rest)) = line.split_first() else {
            return Err(Stop::Bad("an empty line instead of a reply".to_owned()));
        };
        Ok(match mark {
            b'+' => Reply::Simple(rest.to_vec()),
            b'-' => Reply::Error(rest.to_vec()),
            b',' => Reply::Double(rest.to_vec()),
            b'(' => Reply::BigNumber(rest.to_vec()),
            b':' => Reply::Integer(number(rest)?),
            b'_' if rest.is_empty() => Reply::Null,
            b'#' if rest == b"t" => Reply::Boolean(true),
            b'#' if rest == b"f" => Reply::Boolean(false),
            b'$' if rest == b"-1" => Reply::NullBulk,
            b'*' if rest == b"-1" => Reply::NullArray,
            b'$' => Reply::Bulk(self.bulk(length(rest)?)?),
            b'=' => Reply::Verbatim(self.bulk(length(rest)?)?),
            b'*' => Reply::Array(self.many(length(rest)?)?),
            b'~' => Reply::Set(self.many(length(rest)?)?),
            b'>' => Reply::Push(self.many(length(rest)?)?),
            b'%' => {
                let pairs = self.many(2 * length(rest)?)?;
                let pair = |pair: &[Reply]| (pair[0].clone(), pair[1].clone());
                Reply::Map(pairs.chunks_exact(2).map(pair).collect())
            }
            _ => return Err(bad("no reply begins so", &line)),
        })
    }

    fn line(&mut self) -> Result<&[u8], Stop> {
        let rest = &self.bytes[self.at..];
        let end = rest.windows(2).position(|two| two == b"\r\n");
        let end = end.ok_or(Stop::More)?;
        self.at += end + 2;
        Ok(&rest[..end])
    }

    fn bulk(&mut self, length: usize) -> Result<Vec<u8>, Stop> {
        let rest = &self.bytes[self.at..];
        let whole = rest.get(..length + 2).ok_or(Stop::More)?;
        if &whole[length..] != b"\r\n" {
            return Err(bad("a bulk string without its end", whole));
        }
        self.at += length + 2;
        Ok(whole[..length].to_vec())
    }

    fn many(&mut self, count: usize) -> Result<Vec<Reply>, Stop> {
        (0..count).map(|_| self.reply()).collect()
    }
}

fn number(text: &[u8]) -> Result<i64, Stop> {
    let parsed = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse::<i64>().ok());
    let canonical = parsed.filter(|number| number.to_string().as_bytes() == text);
    canonical.ok_or_else(|| bad("no canonical number", text))
}

fn length(text: &[u8]) -> Result<usize, Stop> {
    usize::try_from(number(text)?).map_err(|_| bad("a negative length", text))
}

fn bad(why: &str, bytes: &[u8]) -> Stop {
    Stop::Bad(format!("{why}: {}", quoted(bytes)))
}

/// Bytes as redis-cli shows them, without a line end among them.
pub fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, mark: &str, all: &[Reply]| {
            let all: Vec<String> = all.iter().map(Reply::to_string).collect();
            write!(f, "{mark}[{}]", all.join(", "))
        };
        match self {
            Self::Simple(text) => write!(f, "+{}", text.escape_ascii()),
            Self::Error(text) => write!(f, "-{}", text.escape_ascii()),
            Self::Integer(number) => write!(f, ":{number}"),
            Self::Bulk(text) => write!(f, "{}", quoted(text)),
            Self::NullBulk => write!(f, "$-1"),
            Self::NullArray => write!(f, "*-1"),
            Self::Null => write!(f, "_"),
            Self::Array(all) => list(f, "", all),
            Self::Set(all) => list(f, "~", all),
            Self::Push(all) => list(f, ">", all),
            Self::Map(pairs) => {
                let pair = |(name, value): &(Reply, Reply)| format!("{name}: {value}");
                let pairs: Vec<String> = pairs.iter().map(pair).collect();
                write!(f, "%{{{}}}", pairs.join(", "))
            }
            Self::Double(text) => write!(f, ",{}", text.escape_ascii()),
            Self::Boolean(yes) => write!(f, "#{yes}"),
            Self::BigNumber(text) => write!(f, "({}", text.escape_ascii()),
            Self::Verbatim(text) => write!(f, "={}", quoted(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_KIND: &[u8] =
        b"*15\r\n+OK\r\n-ERR no\r\n:-7\r\n$2\r\n\r\n\r\n$0\r\n\r\n$-1\r\n*-1\r\n\
        _\r\n,1.5\r\n#t\r\n#f\r\n(123\r\n=5\r\ntxt:a\r\n%1\r\n+a\r\n~1\r\n:1\r\n>1\r\n+b\r\n";

    #[test]
    fn every_kind_is_read_and_written_again() {
        let (reply, length) = parse(EVERY_KIND).expect("canonical").expect("whole");
        assert_eq!(length, EVERY_KIND.len());
        let mut again = Vec::new();
        reply.encode(&mut again);
        assert_eq!(again, EVERY_KIND);
    }

    #[test]
    fn a_part_is_no_reply_yet_and_other_forms_are_refused() {
        for cut in 0..EVERY_KIND.len() {
            assert_eq!(parse(&EVERY_KIND[..cut]), Ok(None), "cut at {cut}");
        }
        for other in [
            "$02\r\nab\r\n",
            ":+1\r\n",
            "$-2\r\n",
            "#x\r\n",
            "\r\n",
            "$1\r\nabc",
        ] {
            assert!(parse(other.as_bytes()).is_err(), "{other:?}");
        }
    }
}
