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
const TTL_MS: &str = "30000";

/// A connection that takes (and gives back) `pipeline` locks per step.
pub struct Locker {
    stream: BufReader<TcpStream>,
    client: u64,
    clients: u64,
    turn: u64,
    pipeline: usize,
    unlocks: bool,
    token: Bytes,
    line: Vec<u8>,
}

impl Locker {
    /// Connects client number `client` of `clients`; a lock that is not given back is never asked
    /// for again, one that is comes round after the client's share of the keys.
    pub async fn connect(
        address: &str,
        (client, clients): (u64, u64),
        (pipeline, unlocks): (usize, bool),
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
            unlocks,
            token,
            line: Vec::new(),
        })
    }

    fn next_key(&mut self) -> Vec<u8> {
        let share = if self.unlocks {
            (KEYS / self.clients).max(1)
        } else {
            u64::MAX
        };
        let number = self.turn % share;
        self.turn += 1;
        let key = format!("lock/{:06}/{number:020}", self.client);
        debug_assert_eq!(key.len(), KEY_BYTES);
        key.into_bytes()
    }

    async fn exchange(&mut self, requests: &[u8], reply: &[u8]) -> Result<(), String> {
        let sent = self.stream.get_mut().write_all(requests).await;
        sent.map_err(|error| format!("redis: {error}"))?;
        for _ in 0..self.pipeline {
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
        let mut sets = Vec::new();
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
        }
        self.exchange(&sets, b"+OK\r\n").await?;
        if self.unlocks {
            let mut evals = Vec::new();
            for key in &keys {
                command(
                    &mut evals,
                    &[b"EVAL", UNLOCK.as_bytes(), b"1", key, &self.token],
                );
            }
            self.exchange(&evals, b":1\r\n").await?;
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
