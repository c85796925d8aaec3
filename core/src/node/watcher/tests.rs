//! What a watcher that lags is told: events, that they are forgotten, or that they can't be read.

use std::path::Path;

use bytes::Bytes;

use super::*;
use crate::command::{
    Batch, Command, DeleteOp, Entry, EntryHeader, Life, Op, Origin, Proposal, PutOp, PutValue, Txn,
};
use crate::node::api::Wake;
use crate::node::clock::{LeaderClock, MachineTime};
use crate::node::window::Window;
use crate::raft::wire;
use crate::state::State;
use crate::types::Value;
use crate::versions::{Directory, LogMark, Options, Versions};

struct Silent;

impl Wake for Silent {
    fn wake(&self, _token: u64) {}
}

/// A replica that keeps one revision in memory, all others on disk.
fn replica(directory: &Path) -> Arc<Replica> {
    let options = Options {
        recent_revisions_max: 1,
        ..Options::default()
    };
    let medium = Arc::new(Directory::new(directory));
    let opened = Versions::open(medium, 1, options, |why| panic!("{why}")).expect("a store");
    let clock = LeaderClock::new(Arc::new(MachineTime::default()), 1);
    let log_mark = Box::new(LogMark::default);
    Arc::new(Replica::new(
        State::default(),
        opened.versions,
        clock,
        Window::new(1, 1),
        0,
        log_mark,
    ))
}

fn apply(replica: &Replica, index: u64, command: Command) {
    let proposal = Proposal {
        principal: Default::default(),
        command,
    };
    let origin = Origin {
        member: 1,
        start: 1,
        after: index - 1,
        first: index,
    };
    let entry = Entry {
        header: EntryHeader::default(),
        batches: vec![Batch {
            origin,
            proposals: vec![proposal],
        }],
    };
    replica.apply(wire::log_id(1, index), &entry);
}

fn put(key: &'static str) -> Command {
    Command::Txn(Txn {
        then: vec![Op::Put(PutOp {
            key: Bytes::from_static(key.as_bytes()),
            value: PutValue::Set(Value::Bytes(Bytes::from_static(b"v"))),
            life: Life::Forever,
            want_prev: false,
        })],
        ..Txn::default()
    })
}

fn watcher(replica: &Arc<Replica>, from: Revision) -> Watcher {
    let range = KeyRange::Key(Bytes::from_static(b"a"));
    let registration = replica.hub.register(range, Arc::new(Silent), 0);
    Watcher::new(replica.clone(), registration, from)
}

#[tokio::test]
async fn what_cannot_be_read_is_not_told_as_compacted() {
    let directory = tempfile::tempdir().expect("a directory");
    let replica = replica(directory.path());
    (1..=10).for_each(|index| apply(&replica, index, put("a")));
    let versions = replica.versions.clone();
    versions.flush().expect("flushed");
    let read = watcher(&replica, 2).poll(100, 1_000_000).await;
    assert!(
        matches!(&read, Polled::Events { revisions, .. } if revisions.len() == 10),
        "{read:?}"
    );
    apply(&replica, 11, Command::Compact(5));
    let forgotten = watcher(&replica, 2).poll(100, 1_000_000).await;
    assert!(matches!(forgotten, Polled::Compacted(5)), "{forgotten:?}");
    versions.close().expect("closed");
    let unreadable = watcher(&replica, 7).poll(100, 1_000_000).await;
    assert!(matches!(unreadable, Polled::Failed), "{unreadable:?}");
}

#[derive(Default)]
struct Woken(parking_lot::Mutex<Vec<u64>>);

impl Wake for Woken {
    fn wake(&self, token: u64) {
        self.0.lock().push(token);
    }
}

/// The deletions of a sweep are made only when somebody reads them.
#[tokio::test]
async fn a_sweep_wakes_whom_it_concerns_and_shows_each_key() {
    let directory = tempfile::tempdir().expect("a directory");
    let replica = replica(directory.path());
    let key = |number| Bytes::from(format!("redis/0/{number:03}"));
    let op = |number| {
        Op::Put(PutOp {
            key: key(number),
            value: PutValue::Set(Value::Bytes(Bytes::from_static(b"v"))),
            life: Life::Forever,
            want_prev: false,
        })
    };
    let txn = |then| {
        Command::Txn(Txn {
            then,
            ..Txn::default()
        })
    };
    apply(&replica, 1, txn((0..500).map(op).collect()));
    let woken = Arc::<Woken>::default();
    let ranges = [
        KeyRange::Key(key(7)),
        KeyRange::prefix(b"redis/0/1"),
        KeyRange::Key(key(500)),
        KeyRange::prefix(b"redis/1/"),
        KeyRange::From(Bytes::new()),
    ];
    let mut watchers = Vec::new();
    for (token, range) in (0..).zip(ranges) {
        let registration = replica.hub.register(range, woken.clone(), token);
        let mut watcher = Watcher::new(replica.clone(), registration, 3);
        let polled = watcher.poll(10, 1_000_000).await;
        assert!(matches!(polled, Polled::Events { revisions, .. } if revisions.is_empty()));
        watchers.push(watcher);
    }
    let range = KeyRange::prefix(b"redis/0/");
    let delete = Op::Delete(DeleteOp {
        range,
        want_prev: false,
    });
    apply(&replica, 2, txn(vec![delete]));
    let mut concerned = std::mem::take(&mut *woken.0.lock());
    concerned.sort_unstable();
    assert_eq!(concerned, [0, 1, 4]);
    let mut seen = Vec::new();
    for mut watcher in watchers {
        let Polled::Events { revisions, .. } = watcher.poll(10, 1_000_000).await else {
            panic!("events");
        };
        assert!(revisions.iter().all(|made| made.swept.is_empty()));
        seen.push(
            revisions
                .iter()
                .map(|made| made.events.len())
                .sum::<usize>(),
        );
    }
    assert_eq!(seen, [1, 100, 0, 0, 500]);
}
