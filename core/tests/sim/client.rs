//! Clients: each asks one thing at a time of a member chosen anew, as its dice say.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use quorate_core::command::*;
use quorate_core::node::Node;
use quorate_core::outcome::{NodeError, OpResult, Outcome, Refusal};
use quorate_core::types::*;
use tokio::time::Instant;

use crate::entropy::Dice;
use crate::history::{Answer, Request};

/// Where an answer is left.
pub type Slot = Arc<Mutex<Option<Answer>>>;

/// Revisions that a compaction leaves.
const KEPT: Revision = 60;
const DEADLINE: Duration = Duration::from_secs(3);

pub struct Client {
    pub dice: Dice,
    pub number: usize,
    asked: u64,
    /// The newest revision it was told.
    newest: Revision,
    /// The lock it holds, its token, and until when it believes so.
    held: Option<(String, Revision)>,
    plays_locks: bool,
}

impl Client {
    pub fn new(number: usize, dice: Dice) -> Client {
        Client {
            dice,
            number,
            asked: 0,
            newest: 0,
            held: None,
            plays_locks: number.is_multiple_of(2),
        }
    }

    pub fn next_request(&mut self) -> Request {
        self.asked += 1;
        let unique = format!("{}-{}", self.number, self.asked);
        match self.plays_locks {
            true => self.lock_request(unique),
            false => self.key_request(unique),
        }
    }

    fn key_request(&mut self, value: String) -> Request {
        // Half of the keys forget their history, half keep it.
        let prefix = ["w/", "redis/0/"][self.dice.range(0, 2) as usize];
        let key = format!("{prefix}k{}", self.dice.range(0, 4));
        match self.dice.range(0, 10) {
            // What a watcher that lags far may then miss, and must be told.
            1 if self.newest > 2 * KEPT && self.dice.once_in(4) => Request::Compact {
                revision: self.newest - KEPT,
            },
            0 => Request::Delete { key },
            1..5 => Request::Read { key },
            _ => Request::Put { key, value },
        }
    }

    fn lock_request(&mut self, owner: String) -> Request {
        let ttl_ms = self.dice.range(100, 3_000);
        let Some((lock, token)) = self.held.clone() else {
            let prefix = ["locks/", "redis/0/lock"][self.dice.range(0, 2) as usize];
            let lock = format!("{prefix}{}", self.dice.range(0, 2));
            return Request::Acquire {
                lock,
                owner,
                ttl_ms,
            };
        };
        match self.dice.range(0, 4) {
            // Lets it end by itself.
            0 => {
                self.held = None;
                self.lock_request(owner)
            }
            1 => Request::Release { lock, token },
            _ => Request::Renew {
                lock,
                token,
                ttl_ms,
            },
        }
    }

    /// Learns from an answer.
    pub fn told(&mut self, request: &Request, answer: &Answer) {
        if let Answer::Done { revision, .. } | Answer::Value { revision, .. } = answer {
            self.newest = *revision;
        }
        let happened = match answer {
            Answer::Done { happened, revision } => happened.then_some(*revision),
            _ => None,
        };
        match (request, happened) {
            (Request::Acquire { lock, .. }, Some(token)) => {
                self.held = Some((lock.clone(), token));
            }
            (Request::Renew { .. }, Some(_)) => {}
            _ => self.held = None,
        }
    }
}

/// Asks, in the process of a member, and leaves the answer.
pub async fn ask(node: Node, request: Request, slot: Slot) {
    let deadline = Instant::now() + DEADLINE;
    let answer = match request {
        Request::Read { key } => read(&node, &key, deadline).await,
        request => change(&node, command(&request), deadline).await,
    };
    *slot.lock() = Some(answer);
}

async fn read(node: &Node, key: &str, deadline: Instant) -> Answer {
    if let Err(error) = node.barrier(deadline).await {
        return Answer::Refused(error.to_string());
    }
    node.read(|state| {
        let found = state.get(key.as_bytes());
        let value = found.map(|kv| (text(&kv.value), kv.modified.main));
        Answer::Value {
            revision: state.revision(),
            value,
        }
    })
}

async fn change(node: &Node, command: Command, deadline: Instant) -> Answer {
    let principal = Principal::default();
    let reply = match node.propose(&principal, command, deadline).await {
        Ok(reply) => reply,
        Err(NodeError::Unknown) => return Answer::Unknown,
        Err(error) => return Answer::Refused(error.to_string()),
    };
    let revision = reply.applied.revision;
    match reply.applied.outcome {
        Ok(Outcome::Txn(outcome)) => {
            let deleted_none =
                |result: &OpResult| matches!(result, OpResult::Delete { deleted: 0, .. });
            let happened = outcome.succeeded && !outcome.results.iter().any(deleted_none);
            Answer::Done { happened, revision }
        }
        Ok(Outcome::Compacted) => Answer::Done {
            happened: true,
            revision,
        },
        Err(Refusal::Compacted) => Answer::Done {
            happened: false,
            revision,
        },
        other => panic!("nothing asked for has this outcome: {other:?}"),
    }
}

pub fn text(value: &Value) -> String {
    let bytes = value.as_bytes().cloned().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn command(request: &Request) -> Command {
    let (guards, op) = match request {
        Request::Compact { revision } => return Command::Compact(*revision),
        Request::Put { key, value } => (Vec::new(), put(key, value, Life::Forever)),
        Request::Delete { key } => (Vec::new(), delete(key)),
        Request::Acquire {
            lock,
            owner,
            ttl_ms,
        } => (
            vec![created_at(lock, 0)],
            put(lock, owner, Life::For(*ttl_ms)),
        ),
        Request::Renew {
            lock,
            token,
            ttl_ms,
        } => {
            let op = Op::SetLife(SetLifeOp {
                key: bytes(lock),
                life: Life::For(*ttl_ms),
                condition: LifeCondition::default(),
            });
            (vec![created_at(lock, *token)], op)
        }
        Request::Release { lock, token } => (vec![created_at(lock, *token)], delete(lock)),
        Request::Read { .. } => unreachable!("reads are not proposed"),
    };
    Command::Txn(Txn {
        guards,
        then: vec![op],
        ..Txn::default()
    })
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn created_at(key: &str, revision: Revision) -> Guard {
    Guard {
        range: KeyRange::Key(bytes(key)),
        test: Test::CreateRevision(Relation::Equal, revision),
    }
}

fn put(key: &str, value: &str, life: Life) -> Op {
    Op::Put(PutOp {
        key: bytes(key),
        value: PutValue::Set(Value::Bytes(bytes(value))),
        life,
        want_prev: false,
    })
}

fn delete(key: &str) -> Op {
    Op::Delete(DeleteOp {
        range: KeyRange::Key(bytes(key)),
        want_prev: false,
    })
}
