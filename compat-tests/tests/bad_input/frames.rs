//! HTTP/2 that is cut, flooded or abused, as raw frames.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use quorate_compat_tests::http2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM,
    SETTINGS, frame, header, request,
};

use crate::grpc::message;

const LIMIT: Duration = Duration::from_secs(20);

/// Of a GOAWAY.
const ENHANCE_YOUR_CALM: u32 = 11;

pub struct Raw(TcpStream);

impl Raw {
    pub fn connect(port: u16) -> Raw {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        stream.set_write_timeout(Some(LIMIT)).expect("a limit");
        Raw(stream)
    }

    /// With the preface and empty settings said.
    fn greeted(port: u16) -> Raw {
        let mut raw = Raw::connect(port);
        raw.say(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat());
        raw
    }

    /// The server may have closed by then, which is read later.
    fn say(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// The error code of the server's GOAWAY; None when it closes without one.
    fn goaway(&mut self) -> Option<u32> {
        loop {
            let (kind, payload) = self.frame()?;
            if kind == GOAWAY {
                let code = payload.get(4..8)?.try_into().ok()?;
                return Some(u32::from_be_bytes(code));
            }
        }
    }

    /// What the server's GOAWAY says in words.
    pub fn goaway_text(&mut self) -> Option<String> {
        loop {
            let (kind, payload) = self.frame()?;
            if kind == GOAWAY {
                return Some(String::from_utf8_lossy(payload.get(8..)?).into_owned());
            }
        }
    }

    /// Waits for the answer to a ping: all that was said before is worked through.
    fn is_served(&mut self) -> bool {
        self.say(&frame(PING, 0, 0, b"the ping"));
        loop {
            match self.frame() {
                Some((PING, payload)) if payload == b"the ping" => return true,
                Some(_) => {}
                None => return false,
            }
        }
    }

    /// Waits for a message of an answer.
    fn is_answered(&mut self) -> bool {
        loop {
            match self.frame() {
                Some((DATA, payload)) if !payload.is_empty() => return true,
                Some((GOAWAY | RST_STREAM, _)) | None => return false,
                Some(_) => {}
            }
        }
    }

    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 9];
        self.read(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.read(&mut payload)?;
        Some((head[3], payload))
    }

    fn read(&mut self, bytes: &mut [u8]) -> Option<()> {
        match self.0.read_exact(bytes) {
            Ok(()) => Some(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("no answer in time"),
            Err(_) => None,
        }
    }

    /// The body that HTTP/1.1 gives for a path.
    pub fn get(&mut self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        self.say(request.as_bytes());
        self.text()
    }

    /// Everything up to the end, for what is not HTTP/2.
    fn text(&mut self) -> String {
        let mut bytes = Vec::new();
        // A reset ends it as well.
        drop(self.0.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn range(stream: u32) -> Vec<u8> {
    let head = frame(
        HEADERS,
        END_HEADERS,
        stream,
        &request("/etcdserverpb.KV/Range"),
    );
    let body = message(&[0x0a, 1, b'a']);
    [head, frame(DATA, END_STREAM, stream, &body)].concat()
}

/// A whole call cut at every byte, and the connection closed or left open.
pub fn cut(port: u16) -> Vec<Raw> {
    let whole = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &range(1)].concat();
    let mut left_open = Vec::new();
    for end in 1..whole.len() {
        for closes in [true, false] {
            let mut raw = Raw::connect(port);
            raw.say(&whole[..end]);
            if !closes {
                left_open.push(raw);
            }
        }
    }
    let mut raw = Raw::connect(port);
    raw.say(&whole);
    assert!(raw.is_answered(), "the call that was cut is none");
    left_open
}

/// Other protocols, and HTTP/1.1 with odd paths.
pub fn foreign(port: u16) {
    let said = |bytes: &[u8]| {
        let mut raw = Raw::connect(port);
        raw.say(bytes);
        raw.text()
    };
    let refused = "HTTP/1.1 400 Bad Request\r\n";
    for bytes in [
        &b"*1\r\n$4\r\nPING\r\n"[..],
        crate::redis_words::TLS_HELLO,
        b"\xff\xff\xff\xff\r\n\r\n",
        b"GET /health\xff HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n",
    ] {
        let got = said(bytes);
        assert!(
            got.starts_with(refused),
            "{} got {got}",
            bytes.escape_ascii()
        );
    }
    let missing = said(b"GET /%ff%fe HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n");
    assert!(
        missing.starts_with("HTTP/1.1 404 Not Found\r\n"),
        "{missing}"
    );
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(100_000));
    let got = said(long.as_bytes());
    let too_long = ["HTTP/1.1 414 ", "HTTP/1.1 431 "];
    assert!(too_long.iter().any(|said| got.starts_with(said)), "{got}");
}

/// Streams opened and reset at once, many times (CVE-2023-44487): the server asks for calm.
pub fn rapid_reset(port: u16) {
    let mut raw = Raw::greeted(port);
    let cancel = 8_u32.to_be_bytes();
    for stream in (0..20_000).map(|number| 2 * number + 1) {
        let bytes = [range(stream), frame(RST_STREAM, 0, stream, &cancel)].concat();
        if !raw.say(&bytes) {
            break;
        }
    }
    // A connection that is dropped while it is written to may end without the word.
    let code = raw.goaway();
    assert!(matches!(code, Some(ENHANCE_YOUR_CALM) | None), "{code:?}");
}

/// One header block without end (CVE-2024-24549 and its like).
pub fn endless_headers(port: u16) {
    let mut raw = Raw::greeted(port);
    raw.say(&frame(HEADERS, 0, 1, &request("/etcdserverpb.KV/Range")));
    let block: Vec<u8> = (0..60)
        .flat_map(|_| header("x-pad", &[b'x'; 120]))
        .collect();
    let more = frame(CONTINUATION, 0, 1, &block);
    let is_refused = (0..10_000).any(|_| !raw.say(&more));
    assert!(is_refused, "80 MB of headers were taken");
}

/// Settings and pings, whose answers nobody reads.
pub fn flood(port: u16) {
    let mut raw = Raw::greeted(port);
    raw.0
        .set_write_timeout(Some(Duration::from_millis(500)))
        .expect("a limit");
    let settings = frame(SETTINGS, 0, 0, &[]);
    let pings = frame(PING, 0, 0, &[0; 8]);
    let many = [settings, pings].concat().repeat(2_000);
    // It stops to read, or closes; it does not pile up answers.
    let is_stopped = (0..500).any(|_| !raw.say(&many));
    assert!(
        is_stopped,
        "26 MB of control frames were taken without one answer being read"
    );
}

/// Thousands of calls under way at once on one connection, none of them whole, then all given up.
pub fn many_streams(port: u16) {
    let mut raw = Raw::greeted(port);
    let open = |stream: u32| {
        let head = frame(
            HEADERS,
            END_HEADERS,
            stream,
            &request("/etcdserverpb.Watch/Watch"),
        );
        [head, frame(DATA, 0, stream, &message(&[])[..3])].concat()
    };
    for stream in (0..4_000).map(|number| 2 * number + 1) {
        assert!(
            raw.say(&open(stream)),
            "streams are not bounded by default, as etcd's"
        );
    }
    assert!(raw.is_served(), "a connection of many streams");
}

/// Large requests of which the end does not come, on many streams and connections.
pub fn unfinished_messages(port: u16) -> Vec<Raw> {
    let head = [&[0][..], &1_900_000_u32.to_be_bytes()].concat();
    let piece = frame(DATA, 0, 1, &[b'x'; 16_000]);
    let hoard = |_| {
        let mut raw = Raw::greeted(port);
        raw.0
            .set_write_timeout(Some(Duration::from_millis(20)))
            .expect("a limit");
        raw.say(&frame(
            HEADERS,
            END_HEADERS,
            1,
            &request("/etcdserverpb.KV/Put"),
        ));
        raw.say(&frame(DATA, 0, 1, &head));
        // Up to the window: the server gives more as long as it takes more.
        (0..110).any(|_| !raw.say(&piece));
        raw
    };
    (0..60).map(hoard).collect()
}

/// Answers that the client lets nobody send: its windows are closed.
pub fn closed_windows(port: u16) -> Vec<Raw> {
    let no_window = [&[0, 4][..], &0_u32.to_be_bytes()].concat();
    let stall = |_| {
        let mut raw = Raw::connect(port);
        raw.say(
            &[
                PREFACE,
                &frame(SETTINGS, 0, 0, &no_window),
                &frame(SETTINGS, ACK, 0, &[]),
            ]
            .concat(),
        );
        (0..50).for_each(|number| {
            raw.say(&range(2 * number + 1));
        });
        raw
    };
    (0..40).map(stall).collect()
}
