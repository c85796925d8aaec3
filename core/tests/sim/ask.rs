//! Asks a member what a client wants to know or to have done.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use quorate_core::command::*;
use quorate_core::node::Node;
use quorate_core::outcome::{NodeError, OpResult, Outcome, Refusal};
use quorate_core::types::*;
use tokio::time::Instant;

use crate::client::Slot;
use crate::history::{Answer, Request};

const DEADLINE: Duration = Duration::from_secs(3);
/// What large values are made of.
const PADDING: u8 = b'.';

/// Asks for one after the other on one connection, without waiting for answers; `gap` lies between.
pub async fn ask_all(node: Node, requests: Vec<(Request, Slot)>, gap: Duration) {
    let asked = requests.into_iter().zip(0..).map(|((request, slot), nth)| {
        let node = node.clone();
        async move {
            tokio::time::sleep(gap * nth).await;
            ask(node, request, slot).await;
        }
    });
    join_all(asked).await;
}

/// Asks, in the process of a member, and leaves the answer.
async fn ask(node: Node, request: Request, slot: Slot) {
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
        Ok(Outcome::LeaseRenewed(renewed)) => Answer::Done {
            happened: renewed.iter().all(Option::is_some),
            revision,
        },
        Ok(Outcome::Compacted | Outcome::LeaseGranted { .. } | Outcome::LeaseRevoked) => {
            Answer::Done {
                happened: true,
                revision,
            }
        }
        Err(Refusal::Compacted | Refusal::LeaseNotFound) => Answer::Done {
            happened: false,
            revision,
        },
        other => panic!("nothing asked for has this outcome: {other:?}"),
    }
}

/// A value as the history has it: of a large one, what comes first and its length.
pub fn text(value: &Value) -> String {
    let bytes = value.as_bytes().cloned().unwrap_or_default();
    let shown = bytes.split(|byte| *byte == PADDING).next();
    let shown = String::from_utf8_lossy(shown.unwrap_or_default());
    match bytes.len() == shown.len() {
        true => shown.into_owned(),
        false => format!("{shown}+{}", bytes.len()),
    }
}

/// The bytes of a value, given as `text` tells it.
fn value(text: &str) -> Bytes {
    match text.split_once('+') {
        None => bytes(text),
        Some((shown, length)) => {
            let mut value = vec![PADDING; length.parse().expect("a length")];
            value[..shown.len()].copy_from_slice(shown.as_bytes());
            value.into()
        }
    }
}

fn command(request: &Request) -> Command {
    let (guards, op) = match request {
        Request::Compact { revision } => return Command::Compact(*revision),
        Request::Grant { .. } | Request::KeepAlive { .. } | Request::Revoke { .. } => {
            return Command::Lease(lease_command(request));
        }
        Request::Attach { key, value, lease } => {
            (Vec::new(), put(key, value, Life::Lease(LeaseId(*lease))))
        }
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

fn lease_command(request: &Request) -> LeaseCommand {
    match request {
        Request::Grant { lease, ttl_ms } => LeaseCommand::Grant {
            id: LeaseId(*lease),
            ttl_ms: *ttl_ms,
        },
        Request::KeepAlive { lease } => LeaseCommand::Renew(vec![LeaseId(*lease)]),
        Request::Revoke { lease } => LeaseCommand::Revoke(LeaseId(*lease)),
        other => unreachable!("not of a lease: {other:?}"),
    }
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

fn put(key: &str, text: &str, life: Life) -> Op {
    Op::Put(PutOp {
        key: bytes(key),
        value: PutValue::Set(Value::Bytes(value(text))),
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
