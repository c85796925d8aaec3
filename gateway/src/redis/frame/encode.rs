//! Replies as RESP2 or RESP3 bytes.
//!
//! The `redis-protocol` crate's frames are not used on this side: its RESP2 frames cannot say
//! `*-1` (a null array), and its RESP3 maps and sets are unordered, while Redis's are not.

use bytes::{BufMut, BytesMut};

use crate::redis::number::general;
use crate::redis::reply::Reply;

/// The protocol version a connection speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    #[default]
    Resp2,
    Resp3,
}

impl Protocol {
    pub fn number(self) -> i64 {
        match self {
            Protocol::Resp2 => 2,
            Protocol::Resp3 => 3,
        }
    }
}

/// Significant digits of doubles (Redis 7.0; later ones print the shortest that read back).
const DOUBLE_DIGITS: usize = 17;

/// Appends a reply.
pub fn encode(reply: &Reply, protocol: Protocol, out: &mut BytesMut) {
    let rich = protocol == Protocol::Resp3;
    match reply {
        Reply::Status(text) => line(b'+', text, out),
        Reply::Error(fault) => error(&fault.0, out),
        Reply::Integer(number) => line(b':', number.to_string().as_bytes(), out),
        Reply::Bulk(bytes) => bulk(bytes, out),
        Reply::Null => out.put_slice(if rich { b"_\r\n" } else { b"$-1\r\n" }),
        Reply::NullArray => out.put_slice(if rich { b"_\r\n" } else { b"*-1\r\n" }),
        Reply::Array(items) => list(b'*', items, protocol, out),
        Reply::Transaction(groups) => {
            head(b'*', groups.len(), out);
            let all = groups.iter().flatten();
            all.for_each(|item| encode(item, protocol, out));
        }
        Reply::Set(items) => list(if rich { b'~' } else { b'*' }, items, protocol, out),
        Reply::Push(items) => list(if rich { b'>' } else { b'*' }, items, protocol, out),
        Reply::Map(pairs) => map(pairs, protocol, out),
        Reply::Pairs(rows) => nested(rows, protocol, out),
        Reply::Double(number) if rich => {
            line(b',', general(*number, DOUBLE_DIGITS).as_bytes(), out)
        }
        Reply::Double(number) => bulk(general(*number, DOUBLE_DIGITS).as_bytes(), out),
        Reply::BigNumber(digits) if rich => line(b'(', digits, out),
        Reply::BigNumber(digits) => bulk(digits, out),
        Reply::Bool(yes) if rich => line(b'#', if *yes { b"t" } else { b"f" }, out),
        Reply::Bool(yes) => line(b':', if *yes { b"1" } else { b"0" }, out),
        Reply::Verbatim(text) if rich => {
            line(b'=', (text.len() + 4).to_string().as_bytes(), out);
            out.put_slice(b"txt:");
            out.put_slice(text);
            out.put_slice(b"\r\n");
        }
        Reply::Verbatim(text) => bulk(text, out),
    }
}

fn line(kind: u8, text: &[u8], out: &mut BytesMut) {
    out.reserve(text.len() + 3);
    out.put_u8(kind);
    out.put_slice(text);
    out.put_slice(b"\r\n");
}

/// An error is one line: line ends inside become blanks.
fn error(text: &[u8], out: &mut BytesMut) {
    let end = text
        .iter()
        .rposition(|b| !matches!(b, b'\r' | b'\n'))
        .map_or(0, |at| at + 1);
    out.put_u8(b'-');
    out.extend(
        text[..end]
            .iter()
            .map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b }),
    );
    out.put_slice(b"\r\n");
}

fn bulk(bytes: &[u8], out: &mut BytesMut) {
    line(b'$', bytes.len().to_string().as_bytes(), out);
    out.reserve(bytes.len() + 2);
    out.put_slice(bytes);
    out.put_slice(b"\r\n");
}

fn head(kind: u8, count: usize, out: &mut BytesMut) {
    line(kind, count.to_string().as_bytes(), out);
}

fn list(kind: u8, items: &[Reply], protocol: Protocol, out: &mut BytesMut) {
    head(kind, items.len(), out);
    items.iter().for_each(|item| encode(item, protocol, out));
}

fn map(pairs: &[(Reply, Reply)], protocol: Protocol, out: &mut BytesMut) {
    match protocol {
        Protocol::Resp3 => head(b'%', pairs.len(), out),
        Protocol::Resp2 => head(b'*', pairs.len() * 2, out),
    }
    for (key, value) in pairs {
        encode(key, protocol, out);
        encode(value, protocol, out);
    }
}

fn nested(rows: &[Vec<Reply>], protocol: Protocol, out: &mut BytesMut) {
    match protocol {
        Protocol::Resp3 => {
            head(b'*', rows.len(), out);
            rows.iter().for_each(|row| list(b'*', row, protocol, out));
        }
        Protocol::Resp2 => {
            head(b'*', rows.iter().map(Vec::len).sum(), out);
            rows.iter()
                .flatten()
                .for_each(|part| encode(part, protocol, out));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::fault::Fault;

    fn both(reply: Reply) -> (String, String) {
        let show = |protocol| {
            let mut out = BytesMut::new();
            encode(&reply, protocol, &mut out);
            String::from_utf8_lossy(&out).replace("\r\n", "|")
        };
        (show(Protocol::Resp2), show(Protocol::Resp3))
    }

    #[test]
    fn shapes_of_both_protocols() {
        let pair = || (Reply::text("a"), Reply::Integer(1));
        let cases = [
            (Reply::Null, "$-1|", "_|"),
            (Reply::NullArray, "*-1|", "_|"),
            (Reply::Map(vec![pair()]), "*2|$1|a|:1|", "%1|$1|a|:1|"),
            (Reply::Set(vec![Reply::OK]), "*1|+OK|", "~1|+OK|"),
            (
                Reply::Pairs(vec![vec![pair().0, pair().1]]),
                "*2|$1|a|:1|",
                "*1|*2|$1|a|:1|",
            ),
            (Reply::Double(0.5), "$3|0.5|", ",0.5|"),
            (Reply::Verbatim("x".into()), "$1|x|", "=5|txt:x|"),
            (
                Reply::Error(Fault::fixed("ERR a\r\nb\r\n")),
                "-ERR a  b|",
                "-ERR a  b|",
            ),
        ];
        for (reply, two, three) in cases {
            assert_eq!(both(reply), (two.into(), three.into()));
        }
    }
}
