//! A plain connection to a Redis port: bytes out, frames in, every wait with a deadline.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::reply::{self, Reply};

/// What can come next on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    Reply(Reply),
    /// The server has closed it.
    Closed,
    /// Bytes that are no reply.
    Garbage(String),
    /// Nothing came in time.
    Silence,
}

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub fn open(address: &str) -> Result<Self, String> {
        let failed = |error| format!("{address}: {error}");
        let stream = TcpStream::connect(address).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// A connection that the server closed takes everything; what comes next says so.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// The next frame, `limit` from now at the latest.
    pub fn next(&mut self, limit: Duration) -> Frame {
        let until = Instant::now() + limit;
        loop {
            match reply::parse(&self.buffer) {
                Ok(Some((reply, length))) => {
                    self.buffer.drain(..length);
                    return Frame::Reply(reply);
                }
                Ok(None) => {}
                Err(why) => return Frame::Garbage(why),
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Frame::Silence;
            }
            if let Some(end) = self.fill(left) {
                return end;
            }
        }
    }

    /// Reads what is there; the frame that says why nothing more will come, if so.
    fn fill(&mut self, limit: Duration) -> Option<Frame> {
        let set = self.stream.set_read_timeout(Some(limit));
        set.expect("a limit above zero is taken");
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) if self.buffer.is_empty() => Some(Frame::Closed),
            Ok(0) => Some(Frame::Garbage(reply::quoted(&self.buffer))),
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                None
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                None
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => None,
            Err(_) => Some(Frame::Closed),
        }
    }

    /// One command and its one reply; for connections of the player's own.
    pub fn ask(&mut self, words: &[&str], limit: Duration) -> Result<Reply, String> {
        let mut bytes = Vec::new();
        super::step::Command::of(words).encode(&mut bytes);
        self.send(&bytes);
        match self.next(limit) {
            Frame::Reply(reply) => Ok(reply),
            other => Err(format!("{words:?}: {other}")),
        }
    }
}

impl std::fmt::Display for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reply(reply) => write!(f, "{reply}"),
            Self::Closed => write!(f, "(closed)"),
            Self::Garbage(what) => write!(f, "(no reply: {what})"),
            Self::Silence => write!(f, "(nothing)"),
        }
    }
}
