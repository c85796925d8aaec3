//! A proxy in front of a Redis server that changes what the server answers: the proof that the
//! cross-check sees a fault in a reply's way.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::reply::{self, Reply};

/// One kind of fault. It is put into every reply in which it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meddling {
    /// Nothing is changed: the proxy itself is no fault.
    Nothing,
    /// A null becomes an empty string.
    EmptyForNull,
    /// An empty array becomes a null.
    NullForEmpty,
    /// An integer becomes the next one.
    NextInteger,
    /// A pushed message is left out.
    LostPush,
    /// A pushed message comes twice.
    DoublePush,
    /// An error loses its last byte.
    ShortError,
    /// An error is told as a status.
    StatusForError,
    /// An array's first two elements change places, if they differ.
    Swapped,
    /// A bulk string loses its last byte.
    ShortBulk,
    /// A status is told as a bulk string.
    BulkForStatus,
}

/// All kinds that change something.
pub const MEDDLINGS: [Meddling; 10] = [
    Meddling::EmptyForNull,
    Meddling::NullForEmpty,
    Meddling::NextInteger,
    Meddling::LostPush,
    Meddling::DoublePush,
    Meddling::ShortError,
    Meddling::StatusForError,
    Meddling::Swapped,
    Meddling::ShortBulk,
    Meddling::BulkForStatus,
];

/// A running proxy; it ends with the process.
pub struct Meddler {
    address: SocketAddr,
    changed: Arc<AtomicU64>,
}

impl Meddler {
    /// A proxy to `server` on a free loopback port.
    pub fn start(server: &str, meddling: Meddling) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (server, changed) = (server.to_owned(), Arc::new(AtomicU64::new(0)));
        let counter = changed.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that takes no connection closes this one.
                let Ok(upstream) = TcpStream::connect(&server) else {
                    continue;
                };
                let counter = counter.clone();
                thread::spawn(move || carry(client, upstream, meddling, &counter));
            }
        });
        Ok(Self { address, changed })
    }

    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// How many replies were changed so far.
    pub fn changed(&self) -> u64 {
        self.changed.load(Ordering::Relaxed)
    }
}

/// Carries both ways until one side ends.
fn carry(client: TcpStream, upstream: TcpStream, meddling: Meddling, changed: &AtomicU64) {
    let (Ok(mut from), Ok(mut to)) = (client.try_clone(), upstream.try_clone()) else {
        return;
    };
    // A connection's end is the end of its thread; nobody asks for the thread's result.
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let _ = carry_back(client, upstream, meddling, changed);
}

fn carry_back(
    mut client: TcpStream,
    mut upstream: TcpStream,
    meddling: Meddling,
    changed: &AtomicU64,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut buffer = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        let count = upstream.read(&mut chunk)?;
        if count == 0 {
            client.write_all(&buffer)?;
            return client.shutdown(std::net::Shutdown::Both);
        }
        buffer.extend_from_slice(&chunk[..count]);
        let mut out = Vec::new();
        while let Ok(Some((reply, length))) = reply::parse(&buffer) {
            buffer.drain(..length);
            match meddling.with(&reply) {
                Some(others) => {
                    changed.fetch_add(1, Ordering::Relaxed);
                    others.iter().for_each(|other| other.encode(&mut out));
                }
                None => reply.encode(&mut out),
            }
        }
        client.write_all(&out)?;
    }
}

impl Meddling {
    /// What comes instead of a reply; none if this fault does not fit it.
    fn with(self, reply: &Reply) -> Option<Vec<Reply>> {
        let one = |reply: Reply| Some(vec![reply]);
        match (self, reply) {
            (Self::EmptyForNull, Reply::NullBulk | Reply::Null) => one(Reply::Bulk(Vec::new())),
            (Self::NullForEmpty, Reply::Array(all)) if all.is_empty() => one(Reply::NullArray),
            (Self::NextInteger, Reply::Integer(number)) => {
                one(Reply::Integer(number.wrapping_add(1)))
            }
            (Self::LostPush, pushed) if is_message(pushed) => Some(Vec::new()),
            (Self::DoublePush, pushed) if is_message(pushed) => Some(vec![reply.clone(); 2]),
            (Self::ShortError, Reply::Error(text)) => one(Reply::Error(shorter(text))),
            (Self::StatusForError, Reply::Error(text)) => one(Reply::Simple(text.clone())),
            (Self::ShortBulk, Reply::Bulk(text)) if !text.is_empty() => {
                one(Reply::Bulk(shorter(text)))
            }
            (Self::BulkForStatus, Reply::Simple(text)) => one(Reply::Bulk(text.clone())),
            (Self::Swapped, Reply::Array(all)) if all.len() > 1 && all[0] != all[1] => {
                let mut all = all.clone();
                all.swap(0, 1);
                one(Reply::Array(all))
            }
            _ => None,
        }
    }
}

fn is_message(reply: &Reply) -> bool {
    let kind = reply
        .elements()
        .and_then(<[Reply]>::first)
        .and_then(Reply::text);
    matches!(kind, Some(b"message" | b"pmessage"))
}

fn shorter(text: &[u8]) -> Vec<u8> {
    text[..text.len() - 1].to_vec()
}
