//! Every script of recorded.txt answers what redis-server 7.0.15 answered.
//!
//! A line is a script, a tab, and the reply's bytes in RESP3, both with `\n`, `\r`, `\t`, `\\` and
//! `\xNN` escaped. Each script ran on an empty database as `EVAL script 2 k1 k2 a1 a2`.

use bytes::{Bytes, BytesMut};

use super::fake::{Fake, eval, roomy};
use crate::redis::frame::{Protocol, encode};
use crate::redis::program::lua::host::Host;

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
        let mut ours = BytesMut::new();
        let reply = eval(host, unescaped(script));
        encode(&reply, Protocol::Resp3, &mut ours);
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
