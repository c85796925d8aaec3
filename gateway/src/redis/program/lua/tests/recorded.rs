//! Every script of recorded.txt answers what redis-server 7.0.15 answered.
//!
//! A line is a script, a tab, and the reply's bytes in RESP3, both with `\n`, `\r`, `\t`, `\\` and
//! `\xNN` escaped. Each script ran on an empty database as `EVAL script 2 k1 k2 a1 a2`.

use bytes::Bytes;

use super::fake::{Fake, eval, roomy};
use crate::redis::program::lua::host::Host;
use crate::redis::program::lua::number::general;
use crate::redis::reply::Reply;

fn unescaped(text: &str) -> Bytes {
    let mut made = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next() } else { None };
        made.push(match escaped {
            None => byte,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'x') => {
                let digits = [bytes.next(), bytes.next()].map(|d| char::from(d.expect("a digit")));
                let digits: String = digits.into_iter().collect();
                u8::from_str_radix(&digits, 16).expect("two hexadecimal digits")
            }
            Some(own) => own,
        });
    }
    made.into()
}

/// The reply in RESP3.
fn encode(reply: &Reply, out: &mut Vec<u8>) {
    let line = |out: &mut Vec<u8>, kind: u8, text: &[u8]| {
        out.push(kind);
        out.extend(
            text.iter()
                .map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b }),
        );
        out.extend_from_slice(b"\r\n");
    };
    let many = |out: &mut Vec<u8>, kind: u8, count: usize| {
        out.extend(format!("{}{count}\r\n", char::from(kind)).into_bytes());
    };
    match reply {
        Reply::Status(text) => line(out, b'+', text),
        Reply::Error(fault) => {
            let text: &[u8] = &fault.0;
            let end = text
                .iter()
                .rposition(|b| !matches!(b, b'\r' | b'\n'))
                .map_or(0, |at| at + 1);
            line(out, b'-', &text[..end]);
        }
        Reply::Integer(n) => line(out, b':', n.to_string().as_bytes()),
        Reply::Null | Reply::NullArray => out.extend_from_slice(b"_\r\n"),
        Reply::Double(n) => line(out, b',', general(*n, 17).as_bytes()),
        Reply::Bool(yes) => line(out, b'#', if *yes { b"t" } else { b"f" }),
        Reply::BigNumber(digits) => line(out, b'(', digits),
        Reply::Verbatim(bytes) => {
            many(out, b'=', bytes.len() + 4);
            out.extend_from_slice(b"txt:");
            out.extend_from_slice(bytes);
            out.extend_from_slice(b"\r\n");
        }
        Reply::Bulk(bytes) => {
            many(out, b'$', bytes.len());
            out.extend_from_slice(bytes);
            out.extend_from_slice(b"\r\n");
        }
        Reply::Array(items) | Reply::Push(items) => {
            many(out, b'*', items.len());
            items.iter().for_each(|item| encode(item, out));
        }
        Reply::Set(items) => {
            many(out, b'~', items.len());
            items.iter().for_each(|item| encode(item, out));
        }
        Reply::Map(pairs) => {
            many(out, b'%', pairs.len());
            pairs.iter().for_each(|(key, value)| {
                encode(key, out);
                encode(value, out);
            });
        }
    }
}

#[test]
fn as_redis_answered() {
    roomy(compare_all);
}

fn compare_all() {
    let mut wrong = Vec::new();
    let cases = include_str!("recorded.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    for case in cases {
        let (script, answer) = case.split_once('\t').expect("a tab on every line");
        let mut host = Fake::default();
        let mut read_only = Fake::read_only();
        let host: &mut dyn Host = if script.contains("no-writes") {
            &mut read_only
        } else {
            &mut host
        };
        let mut ours = Vec::new();
        encode(&eval(host, unescaped(script)), &mut ours);
        let ours = Bytes::from(ours);
        if ours != unescaped(answer) {
            wrong.push(format!(
                "{script}\n  redis: {answer}\n  ours:  {}",
                ours.escape_ascii()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
