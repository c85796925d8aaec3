//! Redis workloads: a lock taken by SET NX PX, and given back by the usual script.
//!
//! The replies must be those of a lock that was free and ours, so every operation is a write.

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::drive::Client;
use crate::workload::{KEY_BYTES, KEYS};

/// Deletes the key if the token is its value.
const UNLOCK: &str = "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) \
                      else return 0 end";
const TAKEN: &[u8] = b"+OK\r\n";
const GIVEN_BACK: &[u8] = b":1\r\n";
const TTL_MS: &str = "30000";

/// What is done with the locks of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Take,
    /// All are taken, and once they are, given back.
    TakeThenGiveBack,
    /// Each is taken and given back, all in one write.
    Pairs,
}

/// A connection that takes (and gives back) `pipeline` locks per step.
pub struct Locker {
    stream: BufReader<TcpStream>,
    client: u64,
    clients: u64,
    turn: u64,
    pipeline: usize,
    deed: Deed,
    token: Bytes,
    line: Vec<u8>,
}

impl Locker {
    /// Connects client number `client` of `clients`; a lock that is not given back is never asked
    /// for again, one that is comes round after the client's share of the keys.
    pub async fn connect(
        address: &str,
        (client, clients): (u64, u64),
        (pipeline, deed): (usize, Deed),
        token: Bytes,
    ) -> Result<Self, String> {
        let stream = TcpStream::connect(address)
            .await
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
            .map_err(|error| format!("{address}: {error}"))?;
        Ok(Self {
            stream: BufReader::new(stream),
            client,
            clients,
            turn: 0,
            pipeline,
            deed,
            token,
            line: Vec::new(),
        })
    }

    fn next_key(&mut self) -> Vec<u8> {
        let share = match self.deed {
            Deed::Take => u64::MAX,
            Deed::TakeThenGiveBack | Deed::Pairs => (KEYS / self.clients).max(1),
        };
        let number = self.turn % share;
        self.turn += 1;
        let key = format!("lock/{:06}/{number:020}", self.client);
        debug_assert_eq!(key.len(), KEY_BYTES);
        key.into_bytes()
    }

    /// The replies come again and again in this order.
    async fn exchange(&mut self, requests: &[u8], replies: &[&[u8]]) -> Result<(), String> {
        let sent = self.stream.get_mut().write_all(requests).await;
        sent.map_err(|error| format!("redis: {error}"))?;
        let rounds = std::iter::repeat_n(replies, self.pipeline);
        for reply in rounds.flatten().copied() {
            self.line.clear();
            let read = self.stream.read_until(b'\n', &mut self.line).await;
            read.map_err(|error| format!("redis: {error}"))?;
            if self.line != reply {
                let got = String::from_utf8_lossy(&self.line);
                return Err(format!(
                    "redis: {got:?} is not {:?}",
                    String::from_utf8_lossy(reply)
                ));
            }
        }
        Ok(())
    }
}

impl Client for Locker {
    async fn step(&mut self) -> Result<u64, String> {
        let keys: Vec<Vec<u8>> = (0..self.pipeline).map(|_| self.next_key()).collect();
        let (mut sets, mut evals) = (Vec::new(), Vec::new());
        for key in &keys {
            let words = [
                b"SET",
                &key[..],
                &self.token,
                b"NX",
                b"PX",
                TTL_MS.as_bytes(),
            ];
            command(&mut sets, &words);
            let words = [b"EVAL", UNLOCK.as_bytes(), b"1", key, &self.token];
            match self.deed {
                Deed::Take => {}
                Deed::TakeThenGiveBack => command(&mut evals, &words),
                Deed::Pairs => command(&mut sets, &words),
            }
        }
        match self.deed {
            Deed::Take => self.exchange(&sets, &[TAKEN]).await?,
            Deed::TakeThenGiveBack => {
                self.exchange(&sets, &[TAKEN]).await?;
                self.exchange(&evals, &[GIVEN_BACK]).await?;
            }
            Deed::Pairs => self.exchange(&sets, &[TAKEN, GIVEN_BACK]).await?,
        }
        Ok(self.pipeline as u64)
    }
}

/// Appends one request: an array of bulk strings.
fn command(into: &mut Vec<u8>, words: &[&[u8]]) {
    into.extend(format!("*{}\r\n", words.len()).into_bytes());
    for word in words {
        into.extend(format!("${}\r\n", word.len()).into_bytes());
        into.extend_from_slice(word);
        into.extend_from_slice(b"\r\n");
    }
}
