//! Opening a connection. An attempt that gets lost on the way must not hold up the next: they
//! overlap, and the first that is through wins. So a peer is reached soon after it can be, and one
//! that is far away has all the time it needs.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::acquaintances::Acquaintances;
use super::handshake::shake;
use super::hello::Hello;
use super::transport::{Duplex, Transport};

/// When the next attempt begins, whatever became of the last.
pub(super) const ATTEMPT_INTERVAL: Duration = Duration::from_millis(200);
/// How long an attempt lives: a few round trips around the world.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// Whom to call, and as whom.
#[derive(Clone)]
pub(crate) struct Dialler {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) acquaintances: Arc<Acquaintances>,
    /// Tried in turn.
    pub(crate) addresses: Vec<String>,
    pub(crate) ours: Hello,
}

pub(super) struct Dialled {
    pub(super) stream: Box<dyn Duplex>,
    /// What a round trip took.
    pub(super) round_trip: Duration,
}

impl Dialler {
    /// One attempt; the `nth` begins with another address than the last.
    ///
    /// # Errors
    /// Of the last address; the reason if the other side, or this one, refuses.
    pub(super) async fn attempt(self, nth: usize) -> io::Result<Dialled> {
        let attempt = async {
            let mut last = io::Error::other("the member has no peer address");
            for at in 0..self.addresses.len() {
                let address = &self.addresses[(nth + at) % self.addresses.len()];
                match self.open(address).await {
                    Ok(dialled) => return Ok(dialled),
                    Err(error) => last = error,
                }
            }
            Err(last)
        };
        let ended = tokio::time::timeout(ATTEMPT_TIMEOUT, attempt).await;
        ended.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn open(&self, address: &str) -> io::Result<Dialled> {
        let began = Instant::now();
        let mut stream = self.transport.connect(address).await?;
        shake(&mut *stream, self.ours, &self.acquaintances).await?;
        // Connecting takes one, and greeting each other another.
        let round_trip = began.elapsed() / 2;
        Ok(Dialled { stream, round_trip })
    }
}
