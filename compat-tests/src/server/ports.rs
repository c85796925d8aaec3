//! Free loopback ports.
//!
//! A port is tried by binding it and then given to a server, so another process could take it in
//! between. The range lies below the kernel's ephemeral ports, each process starts at its own
//! place in it and walks upwards, and `Cluster::start` tries again with other ports.

use std::net::TcpListener;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

/// The ports of one member.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub client: u16,
    pub peer: u16,
    pub redis: u16,
}

impl Ports {
    /// Three ports that were free a moment ago.
    pub fn free() -> Self {
        Self {
            client: free(),
            peer: free(),
            redis: free(),
        }
    }
}

fn free() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + start.wrapping_add(step) % COUNT;
        let port = u16::try_from(port).expect("the range ends below 65536");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!(
        "no free loopback port between {FIRST} and {}",
        FIRST + COUNT
    );
}
