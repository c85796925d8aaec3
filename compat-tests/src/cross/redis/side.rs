//! One of the two servers: the connections of a sequence, and one for the player's own questions.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use super::connection::{Connection, Frame};
use super::reply::Reply;

/// How long a server may take for one frame, or for what it does by itself.
pub const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(2);
/// Lives at most this long are waited for.
const SOON_MILLIS: i64 = 10_000;
/// Databases in which a key may be waited for.
const DATABASES: [&str; 2] = ["0", "1"];

pub struct Side {
    address: String,
    connections: BTreeMap<usize, Connection>,
    control: Connection,
}

impl Side {
    /// The server at this address, emptied; whoever was connected before is gone from it.
    pub fn open(address: &str) -> Result<Self, String> {
        let mut side = Self {
            address: address.to_owned(),
            connections: BTreeMap::new(),
            control: Connection::open(address)?,
        };
        side.until("others are connected still", |side| {
            let list = side.ask(&["CLIENT", "LIST"])?;
            let lines = list.text().unwrap_or_default().split(|byte| *byte == b'\n');
            Ok(lines.filter(|line| !line.is_empty()).count() == 1)
        })?;
        for command in [
            &["FLUSHALL"][..],
            &["SCRIPT", "FLUSH"],
            &["CONFIG", "SET", "notify-keyspace-events", ""],
        ] {
            side.ask(command)?;
        }
        Ok(side)
    }

    /// The connection of this number, opened when there is none.
    pub fn connection(&mut self, number: usize) -> Result<&mut Connection, String> {
        if !self.connections.contains_key(&number) {
            self.connections
                .insert(number, Connection::open(&self.address)?);
        }
        let connection = self.connections.get_mut(&number);
        Ok(connection.expect("it was put there just now"))
    }

    /// The next connection of this number is a new one.
    pub fn forget(&mut self, number: usize) {
        self.connections.remove(&number);
    }

    /// The next `count` frames, fewer when they don't come or can't.
    pub fn frames(&mut self, number: usize, count: usize) -> Result<Vec<Frame>, String> {
        let from = self.connection(number)?;
        let mut frames = Vec::new();
        while frames.len() < count {
            let frame = from.next(PATIENCE);
            let last = !matches!(frame, Frame::Reply(_));
            frames.push(frame);
            if last {
                break;
            }
        }
        Ok(frames)
    }

    /// Waits until the key is gone, or has no life that ends soon, in every database.
    pub fn await_end(&mut self, key: &[u8]) -> Result<(), String> {
        let key = String::from_utf8_lossy(key).into_owned();
        for database in DATABASES {
            self.ask(&["SELECT", database])?;
            self.until("a key does not end", |side| {
                let left = side.ask(&["PTTL", &key])?;
                Ok(!matches!(left, Reply::Integer(0..=SOON_MILLIS)))
            })?;
        }
        self.ask(&["SELECT", "0"]).map(drop)
    }

    fn ask(&mut self, words: &[&str]) -> Result<Reply, String> {
        self.control.ask(words, PATIENCE)
    }

    fn until(
        &mut self,
        what: &str,
        mut done: impl FnMut(&mut Self) -> Result<bool, String>,
    ) -> Result<(), String> {
        let begun = Instant::now();
        while !done(self)? {
            if begun.elapsed() > PATIENCE {
                return Err(format!("{}: {what} after {PATIENCE:?}", self.address));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }
}
