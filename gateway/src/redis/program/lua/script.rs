//! A script: its text, its name by SHA-1, and what its first line asks for.

use bytes::Bytes;
use sha1::{Digest, Sha1};

use crate::redis::fault::Fault;

/// Flags a first line may name. Only `no-writes` changes anything here.
const FLAGS: [&str; 5] = [
    "no-writes",
    "allow-oom",
    "allow-stale",
    "no-cluster",
    "allow-cross-slot-keys",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// 40 lower-case hexadecimal digits.
    pub sha1: Bytes,
    pub body: Bytes,
}

impl Script {
    pub fn new(body: Bytes) -> Script {
        Script {
            sha1: Bytes::from(sha1_hex(&body)),
            body,
        }
    }

    /// Where the Lua text begins (the newline of a `#!lua` line is kept, so that lines count
    /// from it) and whether the script may only read.
    pub fn header(&self) -> Result<Header, Fault> {
        if !self.body.starts_with(b"#!") {
            return Ok(Header {
                start: 0,
                read_only: false,
            });
        }
        let line_end = self.body.iter().position(|byte| *byte == b'\n');
        let start = line_end.ok_or(Fault::fixed("ERR Invalid script shebang"))?;
        let line = String::from_utf8_lossy(&self.body[..start]).into_owned();
        let mut words = line.split_whitespace();
        let engine = words.next().unwrap_or_default();
        if engine != "#!lua" {
            return Err(Fault::new(format!(
                "ERR Unexpected engine in script shebang: {engine}"
            )));
        }
        let mut read_only = false;
        for word in words {
            let Some(flags) = word.strip_prefix("flags=") else {
                return Err(Fault::new(format!(
                    "ERR Unknown lua shebang option: {word}"
                )));
            };
            for flag in flags.split(',').filter(|flag| !flag.is_empty()) {
                if !FLAGS.contains(&flag) {
                    let text = format!("ERR Unexpected flag in script shebang: {flag}");
                    return Err(Fault::new(text));
                }
                read_only |= flag == "no-writes";
            }
        }
        Ok(Header { start, read_only })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes before the Lua text.
    pub start: usize,
    pub read_only: bool,
}

/// The SHA-1 of some bytes in lower-case hexadecimal digits.
pub fn sha1_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    let bytes = Sha1::digest(bytes);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(body: &'static str) -> Result<Header, String> {
        let header = Script::new(Bytes::from_static(body.as_bytes())).header();
        header.map_err(|fault| fault.text().into_owned())
    }

    #[test]
    fn first_lines() {
        assert_eq!(
            header("return 1"),
            Ok(Header {
                start: 0,
                read_only: false
            })
        );
        assert_eq!(
            header("#!lua\nreturn 1"),
            Ok(Header {
                start: 5,
                read_only: false
            })
        );
        let flags = header("#!lua flags=no-writes,allow-oom\nreturn 1").map(|h| h.read_only);
        assert_eq!(flags, Ok(true));
        // Texts of redis-server 7.0.15.
        let bad = [
            ("#!lua return 5", "ERR Invalid script shebang"),
            (
                "#!foo\nreturn 5",
                "ERR Unexpected engine in script shebang: #!foo",
            ),
            (
                "#!lua flags=bad\nx",
                "ERR Unexpected flag in script shebang: bad",
            ),
            (
                "#!lua bad=x\nreturn 5",
                "ERR Unknown lua shebang option: bad=x",
            ),
        ];
        for (body, text) in bad {
            assert_eq!(header(body), Err(text.to_owned()));
        }
    }

    #[test]
    fn names() {
        assert_eq!(sha1_hex(b""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    }
}
