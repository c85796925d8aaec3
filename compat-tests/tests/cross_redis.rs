//! The cross-check of Redis's protocol: the same sequences of commands on the real redis-server and
//! on Quorate, every reply and push compared; and the proof that a fault in a reply's way is seen.
//!
//! `cargo test -p quorate-compat-tests --test cross_redis [PART OF A NAME …]`; `QUORATE_SEEDS=a..b`
//! chooses the random sequences of the first check. It prints what occurred, and a closing line as
//! cargo's. A failure prints its seed, the steps that are left after it was made shorter, and both
//! replies.

use std::ops::Range;
use std::process::ExitCode;
use std::time::Instant;

use quorate_compat_tests::cross::accepted::Accepted;
use quorate_compat_tests::cross::checks::{self, Wrong};
use quorate_compat_tests::cross::ledger::Ledger;
use quorate_compat_tests::cross::redis::corners::{corners, steps};
use quorate_compat_tests::cross::redis::meddler::{MEDDLINGS, Meddler, Meddling};
use quorate_compat_tests::cross::redis::run::{Failure, Table};
use quorate_compat_tests::cross::redis::sequence::sequence;
use quorate_compat_tests::cross::redis::{allowed, libraries, newer};
use quorate_compat_tests::cross::seeds;
use quorate_compat_tests::server::{Cluster, Kind};
use quorate_compat_tests::trouble::Trouble;

const ACCEPTED: &str = include_str!("../cross/redis-accepted.txt");
const REQUIRED: &str = include_str!("../cross/redis-required.txt");
const DIFFERENCES: &str = include_str!("../../docs/DIFFERENCES.md");

/// The random sequences played unless others are chosen; with the written-down ones they meet all
/// that `REQUIRED` lists.
const SEEDS: Range<u64> = 0..100;
/// The sequences that the real server plays against itself.
const OWN_SEEDS: Range<u64> = 0..20;
/// The calls of scripts' libraries.
const LIBRARY_SEEDS: Range<u64> = 0..4_000;
/// Differences after which a run stops.
const FAILURES_MAX: usize = 20;

/// Something of every kind that a fault can be put into.
const EVERY_KIND: &str = "
    1> SUBSCRIBE news
    0> GET missing ;; KEYS none* ;; INCR n ;; NOSUCH ;; SET k value ;; GET k ;; MGET k n
    0> PUBLISH news hello
    1> UNSUBSCRIBE
";

type Check = fn() -> Result<(), Wrong>;

const CHECKS: &[(&str, Check)] = &[
    ("quorate_answers_as_redis", quorate_answers_as_redis),
    ("redis_answers_as_redis", redis_answers_as_redis),
    (
        "a_fault_in_a_replys_way_is_seen",
        a_fault_in_a_replys_way_is_seen,
    ),
    (
        "libraries_of_scripts_do_as_those_of_redis",
        libraries_of_scripts_do_as_those_of_redis,
    ),
    (
        "scripts_may_call_what_they_may_in_redis",
        scripts_may_call_what_they_may_in_redis,
    ),
    ("what_is_newer_than_redis", what_is_newer_than_redis),
];

fn main() -> ExitCode {
    checks::run(CHECKS, |check| check())
}

/// The real server. It says that it keeps a log, as ours does, but need not wait for the disk.
fn redis() -> Result<Cluster, Trouble> {
    Cluster::start_with(Kind::Redis, 1, &["--appendfsync", "no"])
}

fn accepted() -> Accepted {
    Accepted::read(ACCEPTED, DIFFERENCES)
}

/// Plays what is written down and the seeds; what occurred, or what differed.
fn play(table: &Table<'_>, seeds: Range<u64>) -> Result<Ledger, Wrong> {
    println!("seeds {}..{}", seeds.start, seeds.end);
    let random = seeds.map(|seed| (format!("seed {seed}"), sequence(seed)));
    let mut ledger = Ledger::default();
    let mut failures: Vec<Failure> = Vec::new();
    for (name, steps) in corners().into_iter().chain(random) {
        let played = table.play(&name, &steps, &mut ledger);
        failures.extend(played.map_err(|why| format!("{name}: {why}"))?);
        if failures.len() == FAILURES_MAX {
            break;
        }
    }
    if failures.is_empty() {
        return Ok(ledger);
    }
    let told: Vec<String> = failures.iter().map(Failure::to_string).collect();
    Err(Wrong::Failed(told.join("\n")))
}

fn quorate_answers_as_redis() -> Result<(), Wrong> {
    let (theirs, ours) = (redis()?, Cluster::start(Kind::Quorate, 1)?);
    let accepted = accepted();
    let table = Table {
        theirs: theirs.redis_address(),
        ours: ours.redis_address(),
        accepted: &accepted,
    };
    let chosen = seeds::chosen(SEEDS);
    let is_whole = chosen.end - chosen.start >= SEEDS.end - SEEDS.start;
    let started = Instant::now();
    let ledger = play(&table, chosen)?;
    print!("{ledger}");
    for (row, matched) in accepted.matched() {
        let unused = if matched == 0 { "  (never needed)" } else { "" };
        println!("{matched:>8}  accepted {row}{unused}");
    }
    let done = ledger.total("command") + ledger.total("refused") + ledger.total("queued");
    println!(
        "{done} commands in {:.1} s",
        started.elapsed().as_secs_f32()
    );
    let missing = ledger.missing(REQUIRED);
    if is_whole && !missing.is_empty() {
        return Err(Wrong::Failed(format!("never met:\n{}", missing.join("\n"))));
    }
    Ok(())
}

/// The proof of the sequences and of the normalisation: two real servers never differ.
fn redis_answers_as_redis() -> Result<(), Wrong> {
    let (one, other) = (redis()?, redis()?);
    let nothing = Accepted::read("", "");
    let table = Table {
        theirs: one.redis_address(),
        ours: other.redis_address(),
        accepted: &nothing,
    };
    play(&table, OWN_SEEDS).map(drop)
}

fn a_fault_in_a_replys_way_is_seen() -> Result<(), Wrong> {
    let (theirs, ours) = (redis()?, Cluster::start(Kind::Quorate, 1)?);
    let accepted = accepted();
    let steps = steps(EVERY_KIND);
    let played = |meddling: Meddling| -> Result<(Option<Failure>, u64), String> {
        let meddler = Meddler::start(&ours.redis_address(), meddling);
        let meddler = meddler.map_err(|error| format!("the proxy: {error}"))?;
        let table = Table {
            theirs: theirs.redis_address(),
            ours: meddler.address(),
            accepted: &accepted,
        };
        let failure = table.play("faulty", &steps, &mut Ledger::default())?;
        Ok((failure, meddler.changed()))
    };
    if let (Some(failure), _) = played(Meddling::Nothing)? {
        return Err(Wrong::Failed(format!("the proxy itself: {failure}")));
    }
    for meddling in MEDDLINGS {
        let (failure, changed) = played(meddling)?;
        let Some(failure) = failure.filter(|_| changed > 0) else {
            let what = format!("{meddling:?}, put into {changed} replies, was not seen");
            return Err(Wrong::Failed(what));
        };
        println!("{meddling:?} was seen:\n{}", failure.difference);
    }
    Ok(())
}

fn libraries_of_scripts_do_as_those_of_redis() -> Result<(), Wrong> {
    let (theirs, ours) = (redis()?, Cluster::start(Kind::Quorate, 1)?);
    let seeds = seeds::chosen(LIBRARY_SEEDS);
    println!("seeds {}..{}", seeds.start, seeds.end);
    told(libraries::differing(
        &theirs.redis_address(),
        &ours.redis_address(),
        seeds,
    )?)
}

fn scripts_may_call_what_they_may_in_redis() -> Result<(), Wrong> {
    let (theirs, ours) = (redis()?, Cluster::start(Kind::Quorate, 1)?);
    told(allowed::differing(
        &theirs.redis_address(),
        &ours.redis_address(),
    )?)
}

fn what_is_newer_than_redis() -> Result<(), Wrong> {
    let ours = Cluster::start(Kind::Quorate, 1)?;
    told(newer::differing(&ours.redis_address())?)
}

fn told(differing: Vec<String>) -> Result<(), Wrong> {
    match differing.is_empty() {
        true => Ok(()),
        false => Err(Wrong::Failed(differing.join("\n"))),
    }
}
