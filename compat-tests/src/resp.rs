//! A RESP connection that can say anything.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Of one answer. A script may take its 5 seconds, behind others.
const LIMIT: Duration = Duration::from_secs(60);

pub struct Resp {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Resp {
    pub fn connect(port: u16) -> Resp {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        stream.set_write_timeout(Some(LIMIT)).expect("a limit");
        let read = Vec::new();
        Resp { stream, read }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// As much as goes without waiting; an error when the server has closed.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_nonblocking(true)?;
        let mut sent = 0;
        let pushed = loop {
            match self.stream.write(&bytes[sent..]) {
                Ok(0) => break Ok(sent),
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(sent),
                Err(error) => break Err(error),
            }
        };
        self.stream.set_nonblocking(false)?;
        pushed
    }

    /// Whether the server has closed it; what it sent before may be unread. Nothing is read after.
    pub fn is_closed(&mut self) -> bool {
        self.stream.set_nonblocking(true).expect("a mode");
        let mut bytes = vec![0; 1 << 20];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
    }

    /// Whether the server says something, or closes, unasked within that time.
    pub fn is_told_something(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).expect("a limit");
        let told = self.stream.peek(&mut [0]).is_ok();
        self.stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        told
    }

    pub fn ask(&mut self, words: &[&[u8]]) -> String {
        self.send(&command(words));
        self.answer()
    }

    /// The next answer, its bytes readable: `$3|foo|`; an ended connection is `<closed>`. Of what
    /// is long the beginning.
    pub fn answer(&mut self) -> String {
        let mut end = 0;
        let mut left = 1;
        while left > 0 {
            let Some(line_end) = self.line_end(end) else {
                return self.closed();
            };
            let line = String::from_utf8_lossy(&self.read[end..line_end]).into_owned();
            let number = line.get(1..).and_then(|n| n.trim().parse::<i64>().ok());
            let count = usize::try_from(number.unwrap_or(0)).unwrap_or(0);
            end = line_end;
            left -= 1;
            match line.as_bytes()[0] {
                b'$' if number != Some(-1) => {
                    end += count + 2;
                    if !self.fill(end) {
                        return self.closed();
                    }
                }
                b'*' => left += count,
                _ => {}
            }
        }
        let answer: Vec<u8> = self.read.drain(..end).collect();
        readable(&answer)
    }

    /// Everything up to the end of the connection.
    pub fn rest(&mut self) -> String {
        while self.fill(self.read.len() + 1) {}
        readable(&std::mem::take(&mut self.read)) + "<closed>"
    }

    fn line_end(&mut self, from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            if let Some(found) = self.read[at..].iter().position(|byte| *byte == b'\n') {
                return Some(at + found + 1);
            }
            at = self.read.len();
            if !self.fill(at + 1) {
                return None;
            }
        }
    }

    fn fill(&mut self, length: usize) -> bool {
        let mut bytes = [0; 64 * 1024];
        while self.read.len() < length {
            match self.stream.read(&mut bytes) {
                Ok(0) => return false,
                Ok(count) => self.read.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return false,
                Err(error) => panic!("no answer: {error}; so far {}", readable(&self.read)),
            }
        }
        true
    }

    fn closed(&mut self) -> String {
        readable(&std::mem::take(&mut self.read)) + "<closed>"
    }
}

/// A command as clients send it.
pub fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn readable(bytes: &[u8]) -> String {
    const SHOWN_MAX: usize = 300;
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_MAX)]);
    shown.replace("\r\n", "|")
}
