//! A member whose disk has no room for the versions store: it says so to who needs room, goes on
//! with the rest, and stops when it is told to.

mod node_rig;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use node_rig::{lone, put_op, txn};
use quorate_core::command::*;
use quorate_core::log;
use quorate_core::node::{Environment, Node, OnFatal, Threads, Workers};
use quorate_core::outcome::{Outcome, Refusal};
use quorate_core::types::*;
use quorate_core::versions::{self, Directory, Medium, Opened, Slot, Versions, VersionsError};
use redb::StorageBackend;
use tokio::time::{Instant, timeout};

const LIMIT: Duration = Duration::from_secs(30);

/// Full while it is told so.
type IsFull = Arc<AtomicBool>;

fn room(is_full: &IsFull) -> io::Result<()> {
    match is_full.load(Ordering::SeqCst) {
        true => Err(io::ErrorKind::StorageFull.into()),
        false => Ok(()),
    }
}

#[derive(Debug)]
struct Disk(Directory, IsFull);

impl Medium for Disk {
    fn open(&self, slot: Slot) -> io::Result<Box<dyn StorageBackend>> {
        let file = self.0.open(slot)?;
        Ok(Box::new(FileOn(file, self.1.clone())))
    }

    fn discard(&self) -> io::Result<()> {
        self.0.discard()
    }

    fn promote(&self) -> io::Result<()> {
        self.0.promote()
    }
}

struct FileOn(Box<dyn StorageBackend>, IsFull);

impl fmt::Debug for FileOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StorageBackend for FileOn {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        room(&self.1).and_then(|()| self.0.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        room(&self.1).and_then(|()| self.0.write(offset, data))
    }
}

/// Threads, and a store on a disk that may be full.
struct OnDisk(IsFull);

impl Workers for OnDisk {
    fn log_options(&self) -> log::Options {
        Threads.log_options()
    }

    fn run_log(&self, flusher: log::Flusher) -> io::Result<Box<dyn Send>> {
        Threads.run_log(flusher)
    }

    fn run_apply(&self, applier: quorate_core::node::Applier) -> io::Result<Box<dyn Send>> {
        Threads.run_apply(applier)
    }

    fn open_versions(
        &self,
        data_dir: &Path,
        cluster: ClusterId,
        on_fatal: OnFatal,
    ) -> Result<Opened, VersionsError> {
        let disk = Disk(Directory::new(data_dir), self.0.clone());
        Versions::open(
            Arc::new(disk),
            cluster,
            versions::Options::default(),
            on_fatal,
        )
    }
}

async fn propose(node: &Node, command: Command) -> Result<Outcome, Refusal> {
    let deadline = Instant::now() + LIMIT;
    let nobody = Principal::default();
    let proposed = node.propose(&nobody, command, deadline).await;
    proposed.expect("a leader").applied.outcome
}

fn put(key: &str) -> Command {
    txn(vec![put_op(
        key.to_owned(),
        "x".repeat(10_000),
        Life::Forever,
    )])
}

#[tokio::test]
async fn who_needs_room_is_told_that_there_is_none() {
    let dir = tempfile::tempdir().expect("temp dir");
    let is_full = IsFull::default();
    let environment = Environment {
        workers: Arc::new(OnDisk(is_full.clone())),
        ..Environment::machine()
    };
    let node = Node::start_in(lone(dir.path()), environment).await;
    let node = node.expect("starts");
    propose(&node, put("first")).await.expect("there is room");
    is_full.store(true, Ordering::SeqCst);
    let limit = Instant::now() + LIMIT;
    while propose(&node, put("more")).await != Err(Refusal::NoSpace) {
        assert!(Instant::now() < limit, "it is told");
    }
    // What makes room goes through, and so do reads.
    let delete = Op::Delete(DeleteOp {
        range: KeyRange::Key("first".into()),
        want_prev: false,
    });
    propose(&node, txn(vec![delete])).await.expect("deleted");
    assert!(node.read(|state| state.get(b"first").is_none()));
    // So does the look at what it is.
    assert!(node.status().leader.is_some());

    is_full.store(false, Ordering::SeqCst);
    while propose(&node, put("again")).await.is_err() {
        assert!(Instant::now() < limit, "there is room again");
    }
    is_full.store(true, Ordering::SeqCst);
    while propose(&node, put("more")).await != Err(Refusal::NoSpace) {
        assert!(Instant::now() < limit, "it is told");
    }
    timeout(LIMIT, node.shutdown()).await.expect("it stops");
    drop(node);

    let again = Node::start(lone(dir.path())).await.expect("starts");
    assert!(again.read(|state| state.get(b"again").is_some()));
    again.shutdown().await;
}
