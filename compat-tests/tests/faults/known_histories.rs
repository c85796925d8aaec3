//! The checker is worth something: it rejects histories that are known to be bad, each of one
//! kind, and accepts their good neighbours.

use crate::history::{Entry, check};
use crate::model::{Op, Swapped, Value};

/// An operation on the one key, from `call` to `end`.
fn at(call: i64, end: i64, op: Op) -> Entry {
    Entry {
        client: 0,
        key: "k".to_owned(),
        op,
        call,
        end: Some(end),
        revision: None,
    }
}

/// One whose answer never came.
fn open(call: i64, op: Op) -> Entry {
    Entry {
        end: None,
        ..at(call, 0, op)
    }
}

fn swap(expected: Value, new: Value, swapped: Swapped) -> Op {
    Op::Swap {
        expected,
        new,
        swapped,
    }
}

fn take(owner: u64, swapped: Swapped) -> Op {
    swap(None, Some(owner), swapped)
}

fn good(history: &[Entry]) {
    assert_eq!(check(history), Ok(()), "{history:#?}");
}

fn bad(history: &[Entry]) {
    assert!(check(history).is_err(), "{history:#?}");
}

#[test]
fn a_read_sees_the_last_write_and_no_older_one() {
    let writes = [at(0, 1, Op::Write(1)), at(2, 5, Op::Write(2))];
    let read = |call, end, value| {
        let mut history = writes.to_vec();
        history.push(at(call, end, Op::Read(value)));
        history
    };
    good(&read(6, 7, Some(2)));
    bad(&read(6, 7, Some(1)));
    bad(&read(6, 7, None));
    // While a write is under way a read sees either, but not first the new and then the old one.
    good(&read(3, 4, Some(1)));
    good(&read(3, 4, Some(2)));
    let mut back = read(3, 3, Some(2));
    back.push(at(4, 4, Op::Read(Some(1))));
    bad(&back);
}

#[test]
fn an_acknowledged_write_is_not_lost() {
    let first = at(0, 1, Op::Write(1));
    good(&[
        first.clone(),
        at(2, 3, Op::Delete(Some(true))),
        at(4, 5, Op::Read(None)),
    ]);
    bad(&[first.clone(), at(2, 3, Op::Read(None))]);
    bad(&[first.clone(), at(2, 3, Op::Delete(Some(false)))]);
    bad(&[first, at(2, 3, swap(Some(1), Some(2), Swapped::No))]);
}

#[test]
fn a_write_without_an_answer_happens_once_at_any_later_time_or_never() {
    let writes = [open(0, Op::Write(1)), at(1, 2, Op::Write(2))];
    let with = |reads: &[u64]| {
        let mut history = writes.to_vec();
        for (number, value) in (0..).zip(reads) {
            let time = 10 + 2 * number;
            history.push(at(time, time + 1, Op::Read(Some(*value))));
        }
        history
    };
    good(&with(&[2, 2]));
    good(&with(&[1, 1]));
    good(&with(&[2, 1]));
    bad(&with(&[1, 2]));
    bad(&with(&[2, 1, 2]));
    bad(&[open(5, Op::Write(1)), at(0, 1, Op::Read(Some(1)))]);
    good(&[
        open(0, take(1, Swapped::Unknown)),
        at(5, 6, take(2, Swapped::Held(Some(1)))),
    ]);
}

#[test]
fn a_lock_has_one_holder() {
    let give_back = |owner| swap(Some(owner), None, Swapped::Yes);
    good(&[
        at(0, 1, take(1, Swapped::Yes)),
        at(2, 3, take(2, Swapped::No)),
        at(4, 5, give_back(1)),
        at(6, 7, take(2, Swapped::Yes)),
    ]);
    bad(&[
        at(0, 3, take(1, Swapped::Yes)),
        at(0, 3, take(2, Swapped::Yes)),
    ]);
    bad(&[
        at(0, 1, take(1, Swapped::Yes)),
        at(9, 10, take(2, Swapped::Yes)),
    ]);
    // Refused although it was free; given back by somebody who did not hold it.
    bad(&[at(0, 1, take(1, Swapped::No))]);
    bad(&[at(0, 1, take(1, Swapped::Yes)), at(2, 3, give_back(2))]);
}

#[test]
fn a_value_that_nobody_wrote_is_not_seen() {
    bad(&[at(0, 1, Op::Write(1)), at(0, 2, Op::Read(Some(3)))]);
    bad(&[
        at(0, 1, swap(Some(7), Some(1), Swapped::No)),
        at(2, 3, Op::Read(Some(1))),
    ]);
}

#[test]
fn the_revision_does_not_go_back() {
    let told = |call, end, revision| Entry {
        revision: Some(revision),
        ..at(call, end, Op::Read(None))
    };
    good(&[told(0, 1, 5), told(2, 3, 5), told(2, 9, 7), told(4, 5, 6)]);
    bad(&[told(0, 1, 5), told(2, 3, 4)]);
    bad(&[told(2, 3, 4), told(0, 1, 5)]);
}
