//! What CLIENT LIST tells of a connection; the connection keeps it up to date.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use parking_lot::Mutex;

/// A connection as others see it.
#[derive(Debug)]
pub struct Client {
    pub id: u64,
    pub peer: Option<SocketAddr>,
    pub local: Option<SocketAddr>,
    pub since: Instant,
    pub facts: Mutex<Facts>,
}

/// What changes.
#[derive(Clone, Debug)]
pub struct Facts {
    pub name: Bytes,
    pub lib_name: Bytes,
    pub lib_version: Bytes,
    pub db: u32,
    pub protocol: i64,
    pub channels: usize,
    pub patterns: usize,
    /// Queued commands; None outside of MULTI.
    pub queued: Option<usize>,
    /// Whether a watched key has changed.
    pub touched: bool,
    pub no_evict: bool,
    pub no_touch: bool,
    pub last_command: &'static str,
    pub last_active: Instant,
}

impl Client {
    pub fn new(id: u64, peer: Option<SocketAddr>, local: Option<SocketAddr>) -> Client {
        let now = Instant::now();
        let facts = Facts {
            name: Bytes::new(),
            lib_name: Bytes::new(),
            lib_version: Bytes::new(),
            db: 0,
            protocol: 2,
            channels: 0,
            patterns: 0,
            queued: None,
            touched: false,
            no_evict: false,
            no_touch: false,
            last_command: "NULL",
            last_active: now,
        };
        Client {
            id,
            peer,
            local,
            since: now,
            facts: Mutex::new(facts),
        }
    }

    /// Whether it is in the state that CLIENT LIST TYPE PUBSUB means.
    pub fn is_pubsub(&self) -> bool {
        let facts = self.facts.lock();
        facts.channels + facts.patterns > 0
    }

    /// The line of CLIENT LIST and CLIENT INFO, without its end.
    pub fn line(&self) -> Vec<u8> {
        let facts = self.facts.lock().clone();
        let address = |a: Option<SocketAddr>| a.map_or("?:0".into(), |a| a.to_string());
        let mut flags = String::new();
        if facts.channels + facts.patterns > 0 {
            flags.push('P');
        }
        if facts.queued.is_some() {
            flags.push('x');
        }
        if facts.touched {
            flags.push('d');
        }
        if facts.no_evict {
            flags.push('e');
        }
        if facts.no_touch {
            flags.push('T');
        }
        if flags.is_empty() {
            flags.push('N');
        }
        let mut line = format!(
            "id={} addr={} laddr={} fd=8 name=",
            self.id,
            address(self.peer),
            address(self.local)
        )
        .into_bytes();
        line.extend_from_slice(&facts.name);
        let mut rest = String::new();
        let queued = facts.queued.map_or(-1, |queued| queued as i64);
        write!(
            rest,
            " age={} idle={} flags={flags} db={} sub={} psub={} ssub=0 multi={queued} qbuf=0 \
             qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r \
             cmd={} user=default redir=-1 resp={} lib-name=",
            self.since.elapsed().as_secs(),
            facts.last_active.elapsed().as_secs(),
            facts.db,
            facts.channels,
            facts.patterns,
            facts.last_command,
            facts.protocol,
        )
        .expect("a String takes everything");
        line.extend_from_slice(rest.as_bytes());
        line.extend_from_slice(&facts.lib_name);
        line.extend_from_slice(b" lib-ver=");
        line.extend_from_slice(&facts.lib_version);
        line
    }
}
