//! Connections that send what they have to say as fast as it is taken, and read nothing.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(2);

pub struct Crowd {
    members: Vec<Member>,
}

struct Member {
    stream: TcpStream,
    bytes: Vec<u8>,
    sent: usize,
    is_closed: bool,
}

impl Crowd {
    /// `bytes` is what each has to say.
    pub fn connect(port: u16, count: usize, bytes: impl Fn(usize) -> Vec<u8>) -> Crowd {
        let member = |number| {
            let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
            stream.set_nonblocking(true).expect("a mode");
            Member {
                stream,
                bytes: bytes(number),
                sent: 0,
                is_closed: false,
            }
        };
        Crowd {
            members: (0..count).map(member).collect(),
        }
    }

    /// Sends for so long, or until all is said; the connections stay.
    pub fn push_for(&mut self, time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time && self.members.iter().any(Member::has_more) {
            self.members.iter_mut().for_each(Member::push);
            sleep(PAUSE);
        }
    }

    pub fn sent(&self) -> u64 {
        self.members.iter().map(|member| member.sent as u64).sum()
    }
}

impl Member {
    fn has_more(&self) -> bool {
        !self.is_closed && self.sent < self.bytes.len()
    }

    fn push(&mut self) {
        while self.has_more() {
            match self.stream.write(&self.bytes[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.is_closed = true,
            }
        }
    }
}
