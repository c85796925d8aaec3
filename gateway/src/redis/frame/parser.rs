//! Requests out of a growing buffer.
//!
//! A scan finds where a request ends, with Redis's own checks and messages and without scanning
//! any byte twice; `redis-protocol` then takes it apart without copying. The buffer grows with
//! what has arrived, never with what a header announces. A request that is too large is read past
//! and answered with an error, so that the connection stays usable.

use bytes::{Buf, Bytes, BytesMut};
use quorate_core::limits::REQUEST_BYTES_MAX;
use redis_protocol::resp2::decode::decode_bytes;
use redis_protocol::resp2::types::BytesFrame;

use super::inline;
use crate::redis::fault::Fault;
use crate::redis::number::parse_i64;

/// A line without an end (Redis: PROTO_INLINE_MAX_SIZE).
const LINE_BYTES_MAX: usize = 64 * 1024;
/// What TLS begins with. Redis waits for a line's end, which the client never sends.
const TLS_HANDSHAKE: u8 = 0x16;
/// What a header may announce (Redis: INT_MAX arguments, proto-max-bulk-len bytes).
const ARGS_MAX: i64 = i32::MAX as i64;
const BULK_BYTES_MAX: i64 = 512 * 1024 * 1024;
/// The same for a connection that has yet to log in.
const ARGS_BEFORE_AUTH_MAX: i64 = 10;
const BULK_BYTES_BEFORE_AUTH_MAX: i64 = 16_384;
/// A whole request: what the core takes, and room for the framing.
pub const REQUEST_FRAME_BYTES_MAX: usize = REQUEST_BYTES_MAX + 64 * 1024;

/// What the buffer had.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Nothing whole yet.
    More,
    Request(Vec<Bytes>),
    /// A request was too large and has been skipped.
    TooLarge,
    /// The stream makes no sense from here on.
    Broken(Fault),
}

/// Where the scan of the request at the buffer's front stands.
#[derive(Debug, Default)]
pub struct Parser {
    /// Whether the connection must log in first.
    pub unauthenticated: bool,
    /// Bytes scanned.
    at: usize,
    /// Arguments still to come; None before the header.
    args_left: Option<i64>,
    /// Bytes to drop of a request that is too large; Some from its discovery on.
    skipping: Option<usize>,
}

impl Parser {
    /// The next request; takes its bytes off the front.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Parsed {
        loop {
            if self.args_left.is_none() {
                match buffer.first() {
                    None => return Parsed::More,
                    Some(&TLS_HANDSHAKE) => {
                        return Parsed::Broken(broken(
                            "a TLS handshake, but TLS is not spoken here",
                        ));
                    }
                    Some(b'*') => match self.header(buffer) {
                        Ok(true) => {}
                        Ok(false) => return Parsed::More,
                        Err(fault) => return Parsed::Broken(fault),
                    },
                    Some(_) => match inline_request(buffer) {
                        Parsed::Request(words) if words.is_empty() => continue,
                        parsed => return parsed,
                    },
                }
                if self.args_left.is_some_and(|left| left <= 0) {
                    buffer.advance(self.at);
                    *self = Parser {
                        unauthenticated: self.unauthenticated,
                        ..Parser::default()
                    };
                    continue;
                }
            }
            return match self.arguments(buffer) {
                Ok(true) => self.finish(buffer),
                Ok(false) => Parsed::More,
                Err(fault) => Parsed::Broken(fault),
            };
        }
    }

    /// Reads `*n`; false if it isn't all here.
    fn header(&mut self, buffer: &BytesMut) -> Result<bool, Fault> {
        let Some(line) = line(buffer, 0, "too big mbulk count string")? else {
            return Ok(false);
        };
        let count = parse_i64(&line[1..]).filter(|count| *count <= ARGS_MAX);
        let count = count.ok_or_else(|| broken("invalid multibulk length"))?;
        if self.unauthenticated && count > ARGS_BEFORE_AUTH_MAX {
            return Err(broken("unauthenticated multibulk length"));
        }
        self.at = line.len() + 2;
        self.args_left = Some(count);
        Ok(true)
    }

    /// Scans arguments; false if they aren't all here.
    fn arguments(&mut self, buffer: &mut BytesMut) -> Result<bool, Fault> {
        while let Some(left @ 1..) = self.args_left {
            if !self.skip(buffer) {
                return Ok(false);
            }
            let line = line(buffer, self.at, "too big bulk count string")?;
            let Some(line) = line else { return Ok(false) };
            let length = self.bulk_length(line)?;
            let (data, end) = (self.at + line.len() + 2, length + 2);
            if self.skipping.is_some() || data + end > REQUEST_FRAME_BYTES_MAX {
                buffer.advance(data);
                self.at = 0;
                self.skipping = Some(end);
            } else if buffer.len() < data + end {
                return Ok(false);
            } else {
                self.at = data + end;
            }
            self.args_left = Some(left - 1);
        }
        Ok(self.skip(buffer))
    }

    fn bulk_length(&self, line: &[u8]) -> Result<usize, Fault> {
        match line.first() {
            Some(b'$') => {}
            other => {
                let got = char::from(other.copied().unwrap_or(b'\r'));
                return Err(broken(&format!("expected '$', got '{got}'")));
            }
        }
        let length = parse_i64(&line[1..]).filter(|length| *length <= BULK_BYTES_MAX);
        let length = length.ok_or_else(|| broken("invalid bulk length"))?;
        if self.unauthenticated && length > BULK_BYTES_BEFORE_AUTH_MAX {
            return Err(broken("unauthenticated bulk length"));
        }
        usize::try_from(length).map_err(|_| broken("invalid bulk length"))
    }

    /// Drops what is to be skipped; false if more of it has yet to come.
    fn skip(&mut self, buffer: &mut BytesMut) -> bool {
        let Some(left) = self.skipping.as_mut() else {
            return true;
        };
        let now = (*left).min(buffer.len());
        buffer.advance(now);
        *left -= now;
        *left == 0
    }

    /// All of the request is in the first `at` bytes.
    fn finish(&mut self, buffer: &mut BytesMut) -> Parsed {
        let (end, too_large) = (self.at, self.skipping.is_some());
        *self = Parser {
            unauthenticated: self.unauthenticated,
            ..Parser::default()
        };
        if too_large {
            return Parsed::TooLarge;
        }
        let bytes = buffer.split_to(end).freeze();
        let part = |frame| match frame {
            BytesFrame::BulkString(bytes) => Some(bytes),
            _ => None,
        };
        match decode_bytes(&bytes) {
            Ok(Some((BytesFrame::Array(frames), _))) => {
                let parts: Option<Vec<Bytes>> = frames.into_iter().map(part).collect();
                parts.map_or_else(
                    || Parsed::Broken(broken("invalid request")),
                    Parsed::Request,
                )
            }
            _ => Parsed::Broken(broken("invalid request")),
        }
    }
}

/// The line from `at` on, without its end; None if the end isn't here yet.
fn line<'a>(buffer: &'a BytesMut, at: usize, too_big: &str) -> Result<Option<&'a [u8]>, Fault> {
    let rest = &buffer[at..];
    let window = &rest[..rest.len().min(LINE_BYTES_MAX + 2)];
    match window.iter().position(|b| *b == b'\r') {
        Some(end) if rest.len() >= end + 2 => Ok(Some(&rest[..end])),
        None if rest.len() > LINE_BYTES_MAX => Err(broken(too_big)),
        _ => Ok(None),
    }
}

fn inline_request(buffer: &mut BytesMut) -> Parsed {
    let window = &buffer[..buffer.len().min(LINE_BYTES_MAX + 2)];
    let Some(end) = window.iter().position(|b| *b == b'\n') else {
        let long = buffer.len() > LINE_BYTES_MAX;
        return if long {
            Parsed::Broken(broken("too big inline request"))
        } else {
            Parsed::More
        };
    };
    let line = buffer.split_to(end + 1);
    let line = line[..end].strip_suffix(b"\r").unwrap_or(&line[..end]);
    match inline::split(line) {
        Some(words) => Parsed::Request(words),
        None => Parsed::Broken(broken("unbalanced quotes in request")),
    }
}

fn broken(what: &str) -> Fault {
    Fault::new(format!("ERR Protocol error: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(parser: &mut Parser, bytes: &[u8]) -> Vec<Parsed> {
        let mut buffer = BytesMut::from(bytes);
        let mut all = Vec::new();
        loop {
            match parser.next(&mut buffer) {
                Parsed::More => return all,
                Parsed::Broken(fault) => {
                    all.push(Parsed::Broken(fault));
                    return all;
                }
                parsed => all.push(parsed),
            }
        }
    }

    /// Whatever comes, and however it is cut, is told alike; nothing is kept beyond what came. The
    /// first two bytes say how it is cut, and who sends it.
    #[test]
    fn fuzz_frames() {
        bolero::check!().for_each(|input: &[u8]| {
            let Some(([cut, unauthenticated], bytes)) = input.split_first_chunk() else {
                return;
            };
            let parser = || Parser {
                unauthenticated: unauthenticated % 2 == 1,
                ..Parser::default()
            };
            let whole = feed(&mut parser(), bytes);
            let (mut cut_parser, mut buffer) = (parser(), BytesMut::new());
            let mut pieces = Vec::new();
            for piece in bytes.chunks(usize::from(*cut) + 1) {
                buffer.extend_from_slice(piece);
                loop {
                    match cut_parser.next(&mut buffer) {
                        Parsed::More => break,
                        Parsed::Broken(fault) => {
                            pieces.push(Parsed::Broken(fault));
                            return assert_eq!(pieces, whole);
                        }
                        parsed => pieces.push(parsed),
                    }
                }
            }
            assert_eq!(pieces, whole);
            assert!(buffer.len() <= bytes.len());
        });
    }

    fn request(words: &[&'static str]) -> Parsed {
        Parsed::Request(
            words
                .iter()
                .map(|w| Bytes::from_static(w.as_bytes()))
                .collect(),
        )
    }

    #[test]
    fn a_pipeline_cut_anywhere() {
        let stream = b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n*0\r\n\r\nPING\n*-1\r\n*1\r\n$4\r\nQUIT\r\n";
        let whole = vec![
            request(&["GET", ""]),
            request(&["PING"]),
            request(&["QUIT"]),
        ];
        for cut in 0..stream.len() {
            let (mut parser, mut buffer) = (Parser::default(), BytesMut::new());
            let mut all = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                buffer.extend_from_slice(part);
                loop {
                    match parser.next(&mut buffer) {
                        Parsed::More => break,
                        parsed => all.push(parsed),
                    }
                }
            }
            assert_eq!(all, whole, "cut at {cut}");
        }
    }

    #[test]
    fn protocol_errors() {
        let cases = [
            ("*x\r\n", "invalid multibulk length"),
            ("*2147483648\r\n", "invalid multibulk length"),
            ("*1\r\nPING\r\n", "expected '$', got 'P'"),
            ("*1\r\n$-1\r\n", "invalid bulk length"),
            ("*1\r\n$536870913\r\n", "invalid bulk length"),
            ("echo \"a\r\n", "unbalanced quotes in request"),
        ];
        for (bytes, text) in cases {
            let fault = Fault::new(format!("ERR Protocol error: {text}"));
            let got = feed(&mut Parser::default(), bytes.as_bytes());
            assert_eq!(got, [Parsed::Broken(fault)], "{bytes}");
        }
        let long = vec![b'a'; LINE_BYTES_MAX + 1];
        let got = feed(&mut Parser::default(), &long);
        assert_eq!(got, [Parsed::Broken(broken("too big inline request"))]);
    }

    #[test]
    fn headers_reserve_nothing() {
        let mut buffer = BytesMut::from(&b"*1000000000\r\n$2147483\r\n"[..]);
        let mut parser = Parser::default();
        assert_eq!(parser.next(&mut buffer), Parsed::More);
        assert!(buffer.capacity() < 4096);
    }

    #[test]
    fn a_request_too_large_is_skipped() {
        let mut parser = Parser::default();
        let big = 3 * 1024 * 1024;
        let mut stream = format!("*2\r\n$4\r\nECHO\r\n${big}\r\n").into_bytes();
        stream.extend(std::iter::repeat_n(b'x', big));
        stream.extend_from_slice(b"\r\nPING\r\n");
        let (mut buffer, mut all) = (BytesMut::new(), Vec::new());
        for part in stream.chunks(10_000) {
            buffer.extend_from_slice(part);
            loop {
                match parser.next(&mut buffer) {
                    Parsed::More => break,
                    parsed => all.push(parsed),
                }
            }
        }
        assert_eq!(all, [Parsed::TooLarge, request(&["PING"])]);
    }

    #[test]
    fn limits_before_auth() {
        let mut parser = Parser {
            unauthenticated: true,
            ..Parser::default()
        };
        let got = feed(&mut parser, b"*11\r\n");
        assert_eq!(
            got,
            [Parsed::Broken(broken("unauthenticated multibulk length"))]
        );
        let mut parser = Parser {
            unauthenticated: true,
            ..Parser::default()
        };
        let got = feed(&mut parser, b"*1\r\n$16385\r\n");
        assert_eq!(got, [Parsed::Broken(broken("unauthenticated bulk length"))]);
    }
}
