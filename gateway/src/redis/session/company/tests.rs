//! Scripts that wait for one key, on views of a store that the test holds.

use std::collections::BTreeMap;

use quorate_core::command::{Guard, Op};
use quorate_core::outcome::Refusal;
use quorate_core::types::{Deadline, KeyRange, KeyValue, LeaseId, Now, Principal, Revision};
use quorate_core::types::{Value, Version};
use tokio::sync::oneshot::Receiver;

use super::*;
use crate::redis::commands::check;
use crate::redis::keyspace::Keyspace;
use crate::redis::program::{Page, Reader, Settled};
use crate::redis::pubsub::Shown;

const APPEND: &str = "redis.call('append', KEYS[1], ARGV[1]) return redis.call('get', KEYS[1])";
const OWN_TOKEN: &str = "redis.call('del', KEYS[1]) redis.call('set', KEYS[1], ARGV[1])
                         return redis.lock_token(KEYS[1])";
const MAKE: &str = "return redis.call('set', KEYS[1], ARGV[1], 'NX')";
const BREAK: &str = "return redis.call('del', KEYS[1])";
const LONG: &str = "while true do end";

/// Strings by the core's keys, written at one revision.
struct Store(Revision, BTreeMap<&'static str, &'static str>);

impl Reader for Store {
    fn get(&self, key: &[u8]) -> Option<Arc<KeyValue>> {
        let key = std::str::from_utf8(key).expect("a name");
        let value = self.1.get(key)?;
        Some(Arc::new(KeyValue {
            key: Bytes::copy_from_slice(key.as_bytes()),
            value: Value::Bytes(Bytes::from_static(value.as_bytes())),
            create_revision: self.0,
            modified: Version {
                main: self.0,
                sub: 0,
            },
            version: 1,
            ..KeyValue::default()
        }))
    }

    fn page(&self, _: &KeyRange, _: usize) -> Page {
        Page::default()
    }

    fn count(&self, _: &KeyRange) -> (u64, Revision) {
        (0, self.0)
    }

    fn nth(&self, _: &KeyRange, _: u64) -> Option<Arc<KeyValue>> {
        None
    }

    fn lease_deadline(&self, _: LeaseId) -> Option<Deadline> {
        None
    }

    fn script(&self, _: &[u8]) -> Option<Bytes> {
        None
    }

    fn shown(&self, _: u32, _: u64, _: usize) -> Option<Shown> {
        None
    }

    fn info(&self, _: &[Bytes]) -> Reply {
        Reply::Null
    }

    fn subscribers(&self, _: &[u8]) -> u64 {
        0
    }

    fn is_full(&self) -> bool {
        false
    }

    fn hold(&self, _: &[Guard]) -> bool {
        true
    }

    fn settled(&self, _: &[Guard], _: &[KeyRange]) -> Option<Vec<Settled>> {
        None
    }
}

fn view(revision: Revision, held: &'static str) -> View {
    let store = Store(revision, [("redis/0/k", held)].into());
    let keyspace = Arc::new(Keyspace::new("redis/"));
    View::new(Arc::new(store), keyspace, 0, Now::default())
}

fn group() -> Group {
    Group::new(&Principal::default(), 0, &[Bytes::from_static(b"k")])
}

fn waiting(script: &'static str, arg: &'static str) -> (Waiting, Receiver<Told>) {
    let args: Vec<Bytes> = ["EVAL", script, "1", "k", arg].map(Bytes::from).into();
    let row = check(&args).expect("a script");
    let (told, hears) = oneshot::channel();
    let command = Queued { row, args };
    let deadline = Instant::now();
    let one = Waiting {
        command,
        told,
        deadline,
    };
    (one, hears)
}

/// Those that run, with who hears of them.
fn crowd(scripts: &[(&'static str, &'static str)]) -> (Crowds, Vec<Waiting>, Vec<Receiver<Told>>) {
    let crowds = Crowds::default();
    let mut hearers = Vec::new();
    for (script, arg) in scripts {
        let (one, hears) = waiting(script, arg);
        crowds.join(&group(), one);
        hearers.push(hears);
    }
    let members = crowds.take(&group());
    (crowds, members, hearers)
}

fn texts(replies: &[Reply]) -> Vec<&[u8]> {
    replies
        .iter()
        .map(|reply| match reply {
            Reply::Bulk(text) => &text[..],
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Keys written, in order.
fn written(view: View) -> usize {
    let ops = view.into_effects().ops;
    ops.iter()
        .filter(|op| !matches!(op, Op::Because(_)))
        .count()
}

#[test]
fn each_sees_what_those_before_it_did_and_all_of_it_is_proposed() {
    let (crowds, mut members, mut hearers) = crowd(&[(APPEND, "a"), (APPEND, "b"), (APPEND, "c")]);
    let (view, replies) = run_members(view(7, "0"), &mut members, &crowds, &group());
    assert_eq!(texts(&replies), [b"0a".as_slice(), b"0ab", b"0abc"]);
    assert_eq!(written(view), 3);
    // The second goes away in the middle.
    drop(hearers.remove(1));
    tell(members, Ok(replies));
    for (hears, expected) in hearers.iter_mut().zip([b"0a".as_slice(), b"0abc"]) {
        match hears.try_recv() {
            Ok(Told::Done(reply)) => assert_eq!(texts(&[reply]), [expected]),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn who_lost_runs_again_with_the_same_in_the_same_order() {
    let (crowds, mut members, _hearers) = crowd(&[(APPEND, "a"), (APPEND, "b")]);
    let (_, first) = run_members(view(7, "0"), &mut members, &crowds, &group());
    let (late, _late_hears) = waiting(APPEND, "c");
    crowds.join(&group(), late);
    let (view, again) = run_members(view(8, "1"), &mut members, &crowds, &group());
    assert_eq!(texts(&first), [b"0a".as_slice(), b"0ab"]);
    assert_eq!(texts(&again), [b"1a".as_slice(), b"1ab"]);
    assert_eq!(written(view), 2);
    assert_eq!(crowds.take(&group()).len(), 1, "who came later waits");
}

#[test]
fn who_can_t_be_among_others_goes_alone_and_those_behind_wait_on() {
    for apart in [OWN_TOKEN, LONG] {
        let scripts = [(APPEND, "a"), (apart, "b"), (APPEND, "c")];
        let (crowds, mut members, mut hearers) = crowd(&scripts);
        let (view, replies) = run_members(view(7, "0"), &mut members, &crowds, &group());
        assert_eq!(texts(&replies), [b"0a"]);
        assert_eq!(written(view), 1, "nothing is left of the other");
        match hearers[1].try_recv() {
            Ok(Told::Alone(command)) => assert_eq!(command.args[4], "b"),
            other => panic!("{other:?}"),
        }
        let behind = crowds.take(&group());
        assert_eq!(behind[0].command.args[4], "c");
        assert!(hearers[2].try_recv().is_err(), "nothing is said of it");
    }
}

/// One token would be that of two holders.
#[test]
fn a_lock_that_was_made_and_broken_is_not_made_again_among_the_same() {
    let scripts = [
        (BREAK, ""),
        (MAKE, "a"),
        (BREAK, ""),
        (MAKE, "b"),
        (APPEND, "c"),
    ];
    let (crowds, mut members, mut hearers) = crowd(&scripts);
    let (_, replies) = run_members(view(7, "0"), &mut members, &crowds, &group());
    assert_eq!(replies.len(), 3);
    assert!(matches!(hearers[3].try_recv(), Ok(Told::Alone(_))));
    assert_eq!(crowds.take(&group()).len(), 1);
}

#[test]
fn what_is_refused_together_is_tried_alone() {
    let (_, members, mut hearers) = crowd(&[(APPEND, "a"), (APPEND, "b")]);
    tell(members, Err(Failure::Refused(Refusal::TooMuch)));
    for hears in &mut hearers {
        assert!(matches!(hears.try_recv(), Ok(Told::Alone(_))));
    }
    let (_, members, mut hearers) = crowd(&[(APPEND, "a")]);
    tell(members, Err(Failure::Refused(Refusal::TooMuch)));
    let told = hearers[0].try_recv();
    assert!(matches!(told, Ok(Told::Failed(Failure::Refused(_)))));
}

#[test]
fn what_became_of_all_is_told_to_each() {
    let (_, members, mut hearers) = crowd(&[(APPEND, "a"), (APPEND, "b")]);
    tell(members, Err(Failure::Node(NodeError::Unknown)));
    for hears in &mut hearers {
        let told = hears.try_recv();
        assert!(matches!(
            told,
            Ok(Told::Failed(Failure::Node(NodeError::Unknown)))
        ));
    }
}
