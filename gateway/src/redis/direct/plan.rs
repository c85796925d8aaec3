//! A txn with the rule that turns its outcome into the reply.

use bytes::Bytes;
use quorate_core::command::{Guard, Op, RangeOp, Relation, Test, Txn};
use quorate_core::outcome::{DataResult, OpResult, TxnOutcome};
use quorate_core::types::{KeyRange, Value};

use crate::redis::fault::Fault;
use crate::redis::guard_rail::Attempt;
use crate::redis::reply::Reply;

/// How an outcome is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// OK.
    Ok,
    /// OK if the guards held, else null.
    OkOrNull,
    /// 1 if the guards held, else 0.
    Flag,
    /// As `OkOrNull`, but WRONGTYPE if the key in the other branch is no string.
    StringOkOrNull,
    /// As `Flag`, with the same check.
    StringFlag,
    /// How many keys were deleted.
    Deleted,
    /// The number of the only op, or whether it changed the life.
    Number,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub txn: Txn,
    pub rule: Rule,
    /// The lock this tries to take, for the guard rail.
    pub attempt: Option<Attempt>,
}

impl Plan {
    /// Ops without a condition.
    pub fn always(then: Vec<Op>, rule: Rule) -> Plan {
        Plan::guarded(Vec::new(), then, Vec::new(), rule)
    }

    pub fn guarded(guards: Vec<Guard>, then: Vec<Op>, otherwise: Vec<Op>, rule: Rule) -> Plan {
        let txn = Txn {
            guards,
            then,
            otherwise,
        };
        Plan {
            txn,
            rule,
            attempt: None,
        }
    }

    /// Takes a lock that must be free; if it isn't, what holds it is read along.
    pub fn lock(free: Vec<Guard>, op: Op, attempt: Attempt) -> Plan {
        let read = Op::Range(RangeOp::new(KeyRange::Key(attempt.key.clone())));
        let plan = Plan::guarded(free, vec![op], vec![read], Rule::OkOrNull);
        Plan {
            attempt: Some(attempt),
            ..plan
        }
    }

    /// One op, if the key's string is just this.
    pub fn if_equal(key: Bytes, value: Bytes, op: Op, rule: Rule) -> Plan {
        let range = KeyRange::Key(key);
        let test = Test::Value(Relation::Equal, value);
        let read = Op::Range(RangeOp {
            limit: 1,
            ..RangeOp::new(range.clone())
        });
        Plan::guarded(vec![Guard { range, test }], vec![op], vec![read], rule)
    }

    pub fn reply(rule: Rule, outcome: &TxnOutcome) -> Reply {
        let yes = outcome.succeeded;
        match rule {
            Rule::Ok => Reply::OK,
            Rule::StringOkOrNull | Rule::StringFlag if !yes && found_typed(outcome) => {
                Reply::Error(Fault::WRONG_TYPE)
            }
            Rule::OkOrNull | Rule::StringOkOrNull => {
                if yes {
                    Reply::OK
                } else {
                    Reply::Null
                }
            }
            Rule::Flag | Rule::StringFlag => Reply::flag(yes),
            Rule::Deleted => Reply::Integer(outcome.results.iter().map(deleted).sum()),
            Rule::Number => outcome.results.first().map_or(Reply::Null, number),
        }
    }
}

fn found_typed(outcome: &TxnOutcome) -> bool {
    outcome.results.iter().any(|result| match result {
        OpResult::Range(range) => range
            .kvs
            .iter()
            .any(|kv| !matches!(kv.value, Value::Bytes(_))),
        _ => false,
    })
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
