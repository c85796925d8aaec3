//! Whatever is damaged in the versions store, the member ends with words that name it, or works on;
//! a panic of the storage engine never ends it.

mod node_rig;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use node_rig::{lone, put_op, txn};
use quorate_core::command::*;
use quorate_core::node::{Node, NodeConfig, is_panic_foreseen};
use quorate_core::types::*;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::time::{Instant, timeout};

const SECTOR: usize = 4096;
/// Anything that is done to a damaged member ends, well or not.
const LIMIT: Duration = Duration::from_secs(20);

static PANICKED: AtomicBool = AtomicBool::new(false);

fn config(dir: &Path) -> NodeConfig {
    NodeConfig {
        heartbeat: Duration::from_millis(20),
        election_min: Duration::from_millis(40),
        election_max: Duration::from_millis(80),
        snapshot_entries: 50,
        catch_up_entries: 5,
        ..lone(dir)
    }
}

/// Several of one entry, so that the store has pages enough.
async fn put(node: &Node, round: usize) -> Result<(), String> {
    let put = |key: usize| {
        let key = format!("{key}-{}", round % 7);
        put_op(key, vec![b'x'; 300], Life::Forever)
    };
    let puts = txn((0..20).map(put).collect());
    let deadline = Instant::now() + LIMIT;
    let nobody = Principal::default();
    let proposed = node.propose(&nobody, puts, deadline).await;
    proposed.map(|_| ()).map_err(|error| error.to_string())
}

/// What reads many pages: the start, ranges at old revisions, changes, the hash, a compaction.
async fn use_it(dir: &Path) -> Result<(), String> {
    let started = Node::start(config(dir)).await;
    let node = started.map_err(|error| error.to_string())?;
    let done = tokio::select! {
        done = exercise(&node) => done,
        why = node.fatal() => Err(why),
    };
    node.shutdown().await;
    done
}

async fn exercise(node: &Node) -> Result<(), String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    for round in 0..5 {
        put(node, round).await?;
    }
    for revision in (1..node.revision()).step_by(3) {
        let range = RangeOp {
            revision,
            ..RangeOp::new(KeyRange::From(Bytes::new()))
        };
        drop(node.range(&range).await.map_err(|error| said(&error))?);
    }
    let _hash = node.hash_kv(0).await.map_err(|error| said(&error))?;
    Ok(())
}

/// Exchanges two sectors, or spoils one byte, or empties a sector.
fn damage(path: &Path, random: &mut SmallRng) -> String {
    let file = OpenOptions::new().read(true).write(true).open(path);
    let file = file.expect("the store");
    let length = usize::try_from(file.metadata().expect("its length").len()).expect("small");
    // Half of the file is room that was made beforehand.
    let used = used(&file, length);
    let sector = |random: &mut SmallRng| random.random_range(0..used.div_ceil(SECTOR)) * SECTOR;
    let (first, second) = (sector(random), sector(random));
    let read = |at: usize| {
        let mut bytes = vec![0; SECTOR];
        file.read_exact_at(&mut bytes, at as u64).expect("read");
        bytes
    };
    let write = |at: usize, bytes: &[u8]| file.write_all_at(bytes, at as u64).expect("written");
    match random.random_range(0..3) {
        0 => {
            let (one, other) = (read(first), read(second));
            write(first, &other);
            write(second, &one);
            format!("sectors at {first} and {second} exchanged")
        }
        1 => {
            let at = first + random.random_range(0..SECTOR);
            let mut byte = read(first)[at - first..=at - first].to_vec();
            byte[0] ^= 1 << random.random_range(0..8);
            write(at, &byte);
            format!("a bit at {at}")
        }
        _ => {
            write(first, &[0; SECTOR]);
            format!("the sector at {first} emptied")
        }
    }
}

/// The place behind the last byte that is not zero.
fn used(file: &std::fs::File, length: usize) -> usize {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0).expect("read");
    bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(1, |last| last + 1)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("copied")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_ends_in_words() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !is_panic_foreseen() {
            PANICKED.store(true, Ordering::SeqCst);
            before(panic);
        }
    }));
    let dir = tempfile::tempdir().expect("temp dir");
    let whole = dir.path().join("whole");
    let node = Node::start(config(&whole)).await.expect("starts");
    for round in 0..100 {
        put(&node, round).await.expect("put");
    }
    node.shutdown().await;
    let seeds: u64 = match std::env::var("QUORATE_TIER").as_deref() {
        Ok("full") => 1_000,
        _ => 30,
    };
    let mut ended = 0;
    for seed in 0..seeds {
        let mut random = SmallRng::seed_from_u64(seed);
        let copied = dir.path().join("copied");
        copy(&whole, &copied);
        let what = damage(&copied.join("versions.redb"), &mut random);
        let done = timeout(LIMIT * 2, use_it(&copied)).await;
        let done = done.unwrap_or_else(|_| panic!("seed {seed}, {what}: it hangs"));
        assert!(!PANICKED.load(Ordering::SeqCst), "seed {seed}, {what}");
        if let Err(why) = done {
            ended += 1;
            assert!(why.contains("versions"), "seed {seed}, {what}: {why}");
        }
        fs::remove_dir_all(&copied).expect("removed");
    }
    assert!(ended > seeds / 10, "{ended} of {seeds} were noticed");
}
