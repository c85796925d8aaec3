//! What a command answers, before a protocol version is chosen.
//!
//! RESP3 has shapes that RESP2 lacks (maps, sets, doubles, pushes); a reply names the richer shape
//! and the encoder flattens it for RESP2 connections.

use bytes::Bytes;

use super::fault::Fault;

/// One reply, or one part of a nested one.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// A simple string such as `OK`; holds no CR or LF.
    Status(Bytes),
    Error(Fault),
    Integer(i64),
    Bulk(Bytes),
    /// `$-1` in RESP2, `_` in RESP3.
    Null,
    /// `*-1` in RESP2, `_` in RESP3: an aborted EXEC, a blocking command that timed out.
    NullArray,
    Array(Vec<Reply>),
    /// Pairs in order; RESP2 sees the flat array.
    Map(Vec<(Reply, Reply)>),
    /// Items of several parts each; RESP2 sees one flat array.
    Pairs(Vec<Vec<Reply>>),
    /// RESP2 sees an array.
    Set(Vec<Reply>),
    /// EXEC's: what came of each command, which may be several pushes. The commands are counted.
    Transaction(Vec<Vec<Reply>>),
    /// Out-of-band in RESP3; RESP2 sees an array.
    Push(Vec<Reply>),
    /// RESP2 sees a bulk of the shortest digits.
    Double(f64),
    /// RESP2 sees 1 and 0.
    Bool(bool),
    /// Digits of any number, from scripts; RESP2 sees a bulk.
    BigNumber(Bytes),
    /// Text of the format `txt`; RESP2 sees a bulk.
    Verbatim(Bytes),
}

impl Reply {
    pub const OK: Reply = Reply::status("OK");

    /// A simple string known at compile time.
    pub const fn status(text: &'static str) -> Reply {
        Reply::Status(Bytes::from_static(text.as_bytes()))
    }

    /// A bulk of text.
    pub fn text(text: impl Into<String>) -> Reply {
        Reply::Bulk(Bytes::from(text.into()))
    }

    /// 1 or 0.
    pub fn flag(yes: bool) -> Reply {
        Reply::Integer(i64::from(yes))
    }

    /// A count of things in memory.
    pub fn count(n: usize) -> Reply {
        Reply::Integer(i64::try_from(n).unwrap_or(i64::MAX))
    }

    /// The bulk, or null.
    pub fn maybe(bytes: Option<Bytes>) -> Reply {
        bytes.map_or(Reply::Null, Reply::Bulk)
    }

    /// About the bytes that it takes when encoded, never fewer.
    pub fn encoded_bytes(&self) -> usize {
        /// The kind, a number or length, and line ends.
        const FRAMING_BYTES: usize = 40;
        let all = |items: &[Reply]| items.iter().map(Reply::encoded_bytes).sum();
        FRAMING_BYTES
            + match self {
                Reply::Status(bytes) | Reply::Error(Fault(bytes)) => bytes.len(),
                Reply::Bulk(bytes) | Reply::BigNumber(bytes) | Reply::Verbatim(bytes) => {
                    bytes.len()
                }
                Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => all(items),
                Reply::Map(pairs) => {
                    let pair =
                        |(key, value): &(Reply, Reply)| key.encoded_bytes() + value.encoded_bytes();
                    pairs.iter().map(pair).sum()
                }
                Reply::Pairs(rows) | Reply::Transaction(rows) => {
                    rows.iter().map(|row| FRAMING_BYTES + all(row)).sum()
                }
                Reply::Integer(_)
                | Reply::Null
                | Reply::NullArray
                | Reply::Double(_)
                | Reply::Bool(_) => 0,
            }
    }

    /// An array of bulks.
    pub fn bulks(items: impl IntoIterator<Item = Bytes>) -> Reply {
        Reply::Array(items.into_iter().map(Reply::Bulk).collect())
    }
}

impl From<Result<Reply, Fault>> for Reply {
    fn from(result: Result<Reply, Fault>) -> Reply {
        result.unwrap_or_else(Reply::Error)
    }
}
