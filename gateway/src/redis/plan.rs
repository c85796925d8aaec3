//! A command that writes, as the core's ops with the rule that turns their results into the reply.
//! They are worked out where they are applied, so that nobody who writes the same keys disturbs
//! them; in a script on a trial (`program/view`), by the same code.

use bytes::Bytes;
use quorate_core::command::Op;
use quorate_core::limits::TXN_OPS_MAX;
use quorate_core::outcome::{DataResult, OpResult};
use quorate_core::types::{KeyRange, KeyValue};

use super::fault::Fault;
use super::guard_rail::Attempt;
use super::keyspace::Keyspace;
use super::refusal::refusal_fault;
use super::reply::Reply;

/// Where a plan's keys lie.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub keyspace: &'a Keyspace,
    pub db: u32,
}

impl Place<'_> {
    pub fn key(self, key: &[u8]) -> Bytes {
        self.keyspace.key(self.db, key)
    }

    /// All keys of a database.
    pub fn range(self, db: u32) -> KeyRange {
        self.keyspace.range(db)
    }
}

/// How results are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// OK, whatever was done.
    Ok,
    /// OK if it was done, else null.
    OkOrNull,
    /// 1 if it was done, else 0.
    Flag,
    /// What the string was before, or null.
    Old,
    /// Null for a missing key, else this: Redis looks at the key before it judges the arguments.
    Judged(Fault),
    /// How many keys were deleted.
    Deleted,
    /// The number of the only op, or whether it changed the life.
    Number,
    /// The text of the only op.
    Text,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub ops: Vec<Op>,
    pub rule: Rule,
    /// The lock this tries to take, for the guard rail.
    pub attempt: Option<Attempt>,
}

impl Plan {
    pub fn of(ops: Vec<Op>, rule: Rule) -> Plan {
        Plan {
            ops,
            rule,
            attempt: None,
        }
    }

    pub fn one(op: impl Into<Op>, rule: Rule) -> Plan {
        Plan::of(vec![op.into()], rule)
    }

    /// Whether it can be proposed by itself. More keys than a txn takes can be named; on a view
    /// those that are missing cost nothing.
    pub fn fits(&self) -> bool {
        self.ops.len() <= TXN_OPS_MAX
    }

    pub fn reply(rule: &Rule, results: &[OpResult]) -> Reply {
        let failed = results.iter().find_map(|result| match result {
            OpResult::Failed(refusal) => Some(*refusal),
            _ => None,
        });
        if let Some(refusal) = failed {
            return Reply::Error(refusal_fault(refusal));
        }
        let only = results.first();
        match rule {
            Rule::Ok => Reply::OK,
            Rule::OkOrNull if is_done(only) => Reply::OK,
            Rule::OkOrNull => Reply::Null,
            Rule::Flag => Reply::flag(is_done(only)),
            Rule::Old => Reply::maybe(old(only).and_then(|old| old.value.as_bytes()).cloned()),
            Rule::Judged(_) if old(only).is_none() => Reply::Null,
            Rule::Judged(fault) => Reply::Error(fault.clone()),
            Rule::Deleted => Reply::Integer(results.iter().map(deleted).sum()),
            Rule::Number => only.map_or(Reply::Null, number),
            Rule::Text => only.map_or(Reply::Null, text),
        }
    }

    /// What a lock that was not taken is held by.
    pub fn holder(results: &[OpResult]) -> Option<&KeyValue> {
        old(results.first()).filter(|_| !is_done(results.first()))
    }
}

fn is_done(result: Option<&OpResult>) -> bool {
    matches!(
        result,
        Some(OpResult::Data(DataResult::Set { done: true, .. }))
    )
}

fn old(result: Option<&OpResult>) -> Option<&KeyValue> {
    match result {
        Some(OpResult::Data(DataResult::Set { old, .. } | DataResult::Old(old))) => old.as_deref(),
        _ => None,
    }
}

fn deleted(result: &OpResult) -> i64 {
    match result {
        OpResult::Delete { deleted, .. } => i64::try_from(*deleted).unwrap_or(i64::MAX),
        _ => 0,
    }
}

fn number(result: &OpResult) -> Reply {
    match result {
        OpResult::Data(DataResult::Integer(number)) => Reply::Integer(*number),
        OpResult::SetLife(changed) => Reply::flag(*changed),
        _ => Reply::Null,
    }
}

fn text(result: &OpResult) -> Reply {
    match result {
        OpResult::Data(DataResult::Text(text)) => Reply::Bulk(text.clone()),
        _ => Reply::Null,
    }
}
