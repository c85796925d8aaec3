//! Connections that send what they have to say as fast as it is taken, and read little or nothing.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(2);
const SIP_PAUSE: Duration = Duration::from_secs(1);

/// How they go about it.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    /// They say it, and stay.
    Stay,
    /// They say what comes after `from` over and over.
    Endless { from: fn() -> Vec<u8> },
    /// They leave once they have said it, and others come.
    ComeAndGo,
    /// They say it, and read a byte a second.
    Sip,
}

pub struct Crowd {
    manner: Manner,
    port: u16,
    members: Vec<Member>,
    sipped: Instant,
    sent: u64,
}

struct Member {
    stream: TcpStream,
    bytes: Vec<u8>,
    /// Of `bytes`.
    sent: usize,
    is_closed: bool,
}

impl Crowd {
    /// `bytes` is what each has to say.
    pub fn connect(port: u16, count: usize, manner: Manner, bytes: impl Fn() -> Vec<u8>) -> Crowd {
        let members = (0..count).map(|_| Member::connect(port, bytes()));
        Crowd {
            manner,
            port,
            members: members.collect(),
            sipped: Instant::now(),
            sent: 0,
        }
    }

    /// Goes on for so long, or until all is said; the connections stay.
    pub fn push_for(&mut self, time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time && self.has_more() {
            for member in &mut self.members {
                self.sent += member.push();
                match self.manner {
                    Manner::Endless { from } => member.begin_anew(from),
                    Manner::ComeAndGo => member.give_place(self.port),
                    Manner::Stay | Manner::Sip => {}
                }
            }
            self.sip();
            sleep(PAUSE);
        }
    }

    pub fn sent(&self) -> u64 {
        self.sent
    }

    fn has_more(&self) -> bool {
        let goes_on = !matches!(self.manner, Manner::Stay);
        self.members
            .iter()
            .any(|member| !member.is_closed && (goes_on || member.has_more()))
    }

    fn sip(&mut self) {
        if matches!(self.manner, Manner::Sip) && self.sipped.elapsed() >= SIP_PAUSE {
            self.sipped = Instant::now();
            for member in &mut self.members {
                // There may be nothing yet.
                drop(member.stream.read(&mut [0]));
            }
        }
    }
}

impl Member {
    fn connect(port: u16, bytes: Vec<u8>) -> Member {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        stream.set_nonblocking(true).expect("a mode");
        Member {
            stream,
            bytes,
            sent: 0,
            is_closed: false,
        }
    }

    fn has_more(&self) -> bool {
        !self.is_closed && self.sent < self.bytes.len()
    }

    fn begin_anew(&mut self, from: fn() -> Vec<u8>) {
        if !self.is_closed && self.sent == self.bytes.len() {
            (self.bytes, self.sent) = (from(), 0);
        }
    }

    /// Another takes its place.
    fn give_place(&mut self, port: u16) {
        if !self.has_more() {
            *self = Member::connect(port, std::mem::take(&mut self.bytes));
        }
    }

    /// Sends what is taken now; how much.
    fn push(&mut self) -> u64 {
        let before = self.sent;
        while self.has_more() {
            match self.stream.write(&self.bytes[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.is_closed = true,
            }
        }
        (self.sent - before) as u64
    }
}
