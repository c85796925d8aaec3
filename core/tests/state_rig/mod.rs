//! What the tests of the state share: a store of rows as restart would find them, and entries.
#![allow(dead_code, reason = "each test program uses its own part")]

pub mod acts;
pub mod model;
mod model_data;
pub mod model_txn;
pub mod rig;
pub mod rows;

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use quorate_core::command::{Batch, Command, DeleteOp, Entry, EntryHeader, Life, Op, Origin};
use quorate_core::command::{Proposal, PutOp, PutValue, RangeOp, Txn};
use quorate_core::types::{ClusterMillis, KeyRange, Principal, Stamp, UnixMillis, Value};

/// The wall clock at cluster time 0.
pub const WALL_START: u64 = 1_000_000;

/// The next proposal's number: all tests of a program count together.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// An entry of new proposals.
pub fn entry(clock: u64, commands: Vec<Command>) -> Entry {
    let stamp = Stamp {
        term: 1,
        clock: ClusterMillis(clock),
        wall: UnixMillis(WALL_START + clock),
    };
    let propose = |command| Proposal {
        principal: Principal::default(),
        command,
    };
    let proposals: Vec<_> = commands.into_iter().map(propose).collect();
    let count = proposals.len() as u64;
    let origin = Origin {
        member: 1,
        start: 1,
        after: 0,
        first: NUMBERS.fetch_add(count, Ordering::Relaxed),
    };
    Entry {
        header: EntryHeader {
            stamp,
            ..EntryHeader::default()
        },
        batches: vec![Batch { origin, proposals }],
    }
}

/// The entry with nothing in it but time and the proposals' numbers.
pub fn idle(entry: &Entry) -> Entry {
    let mut idle = entry.clone();
    let batches = idle.batches.iter_mut();
    batches
        .flat_map(|batch| &mut batch.proposals)
        .for_each(|proposal| proposal.command = Command::Tick);
    idle
}

pub fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub fn put(key: &str, value: &str) -> Op {
    put_with(key, value, Life::Forever)
}

pub fn put_with(key: &str, value: &str, life: Life) -> Op {
    Op::Put(PutOp {
        key: bytes(key),
        value: PutValue::Set(Value::Bytes(bytes(value))),
        life,
        want_prev: true,
    })
}

pub fn delete(key: &str) -> Op {
    Op::Delete(DeleteOp {
        range: KeyRange::Key(bytes(key)),
        want_prev: true,
    })
}

pub fn span(start: &str, end: &str) -> KeyRange {
    KeyRange::Span(bytes(start), bytes(end))
}

pub fn range(range: KeyRange) -> RangeOp {
    RangeOp::new(range)
}

pub fn txn(ops: Vec<Op>) -> Txn {
    Txn {
        then: ops,
        ..Txn::default()
    }
}

pub fn run(ops: Vec<Op>) -> Command {
    Command::Txn(txn(ops))
}
