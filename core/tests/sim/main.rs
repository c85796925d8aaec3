//! Three members in one process under a seed: crashes with lost and torn writes, cuts, pauses,
//! delays and clocks that jump, while clients ask and watchers watch. The same seed leaves the same
//! trace.
//!
//! Each seed is played in a process of its own, since tokio counts its runtimes in a global that
//! takes part in its randomness. `QUORATE_SIM_SEEDS` says how many seeds are played (default 50),
//! or which: `51..151`; `QUORATE_SIM_SEED` plays that one here, and `QUORATE_SIM_TRACE` names a
//! file for its trace.

mod ask;
mod busy;
mod check;
mod client;
mod entropy;
mod failing_disk;
mod far_apart;
mod faults;
mod forgotten_vote;
mod hands;
mod history;
mod invariants;
mod large_values;
mod leaseholder;
mod lost_disk;
mod medium;
mod member;
mod mutants;
mod network;
mod observer;
mod orderly_shutdown;
mod panics;
mod silent_peer;
mod stale_leader;
mod trace;
mod turns;
mod two_installs;
mod world;

use std::ffi::OsStr;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use parking_lot::Mutex;
use world::World;

/// Set for a run that is held up in real time, which must change nothing.
const DAWDLES: &str = "QUORATE_SIM_DAWDLES";
/// The file for what happened.
const TRACE: &str = "QUORATE_SIM_TRACE";
/// So many seeds have every kind of fault and of request in them.
const SEEDS_WITH_ALL: u64 = 50;
const ONE_SEED: &str = "one_seed";
/// Many times what a seed takes.
const PATIENCE: Duration = Duration::from_secs(300);

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text}: no number")),
    )
}

/// The seeds to play: the first, and the one after the last.
fn seeds() -> (u64, u64) {
    let Ok(text) = std::env::var("QUORATE_SIM_SEEDS") else {
        return (1, 51);
    };
    let parse = |text: &str| {
        text.parse::<u64>()
            .expect("QUORATE_SIM_SEEDS: 50, or 51..151")
    };
    match text.split_once("..") {
        Some((first, end)) => (parse(first), parse(end)),
        None => (1, parse(&text) + 1),
    }
}

/// Plays a seed on a thread of its own, whose randomness is all of the seed.
fn play(seed: u64) -> Result<(), String> {
    let (sender, receiver) = sync_channel(1);
    // Not named by the process: numbers come again, and a run that was killed leaves its own.
    let dir = tempfile::Builder::new().prefix("quorate-sim-").tempdir();
    let dir = dir.map_err(|error| error.to_string())?;
    let own = dir.path().to_owned();
    let run = move || {
        entropy::seed(seed);
        panics::watch();
        if let Ok(name) = std::env::var(mutants::MUTANT) {
            mutants::put_back(&name);
        }
        let run = World::run(seed, &own, std::env::var_os(DAWDLES).is_some());
        drop(sender.send(run));
    };
    let thread = std::thread::Builder::new().name(format!("seed {seed}"));
    drop(thread.spawn(run).expect("a thread can be started"));
    let patience = match std::env::var_os(mutants::MUTANT) {
        Some(_) => mutants::PATIENCE,
        None => PATIENCE,
    };
    let run = receiver
        .recv_timeout(patience)
        .map_err(|error| match error {
            RecvTimeoutError::Timeout => "simulated time stands still: a task never rests",
            RecvTimeoutError::Disconnected => "the simulation panicked",
        })??;
    if let Ok(path) = std::env::var(TRACE) {
        std::fs::write(path, &run.trace).map_err(|error| error.to_string())?;
    }
    let operations = &run.history.operations;
    let acknowledged = operations.iter().filter(|o| o.acknowledged.is_some());
    let observers = run.history.observers.iter();
    println!(
        "seed {seed}: {} of {} operations answered, {} gaps told to watchers; {}; {:?}",
        acknowledged.count(),
        operations.len(),
        observers.map(history::Observer::gaps).sum::<usize>(),
        run.faults,
        busy::counts(&run.history)
    );
    check::all(&run)
}

/// Plays a seed in a process of its own.
fn play_apart(seed: u64, settings: &[(&str, &OsStr)]) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.args([ONE_SEED, "--exact", "--nocapture"]);
    command.env("QUORATE_SIM_SEED", seed.to_string());
    command.envs(settings.iter().copied());
    let output = command.output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("seed "));
    match line {
        Some(line) if output.status.success() => Ok(line.to_owned()),
        _ => Err(text + &String::from_utf8_lossy(&output.stderr)),
    }
}

/// What the other tests run as a child, and a person by hand; nothing without its seed.
#[test]
fn one_seed() {
    if let Some(seed) = number("QUORATE_SIM_SEED")
        && let Err(why) = play(seed)
    {
        panic!("seed {seed} FAILED: {why}");
    }
}

#[test]
fn what_was_promised_holds_under_every_seed() {
    let (first, end) = seeds();
    assert!(first < end, "no seeds: {first}..{end}");
    let next = AtomicU64::new(first);
    let (lines, failures) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let work = || {
        while let seed = next.fetch_add(1, Ordering::Relaxed)
            && seed < end
        {
            match play_apart(seed, &[]) {
                Ok(line) => {
                    println!("{line}");
                    lines.lock().push(line);
                }
                Err(why) => failures.lock().push(format!("seed {seed}: {why}")),
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    let failures = failures.into_inner();
    assert!(
        failures.is_empty(),
        "replay with QUORATE_SIM_SEED=<seed>: {}",
        failures.join("\n")
    );
    if end - first >= SEEDS_WITH_ALL {
        let lines = lines.into_inner().join("\n");
        let is_never = |kind: &&&str| !lines.contains(&format!("{kind:?}: "));
        let faults = faults::KINDS.iter().map(|(kind, _)| kind);
        let kinds = faults.chain(&busy::KINDS);
        let never: Vec<_> = kinds.filter(is_never).collect();
        assert!(never.is_empty(), "never happened: {never:?}");
    }
}

#[test]
fn a_seed_leaves_the_same_trace_each_time() {
    let dir = tempfile::tempdir().expect("temp dir");
    for seed in [3, 4] {
        let traces = [("one", None), ("other", Some((DAWDLES, OsStr::new("1"))))];
        let traces = traces.map(|(name, dawdles)| {
            let path = dir.path().join(name);
            let mut settings = vec![(TRACE, path.as_os_str())];
            settings.extend(dawdles);
            play_apart(seed, &settings).expect("the seed can be played");
            std::fs::read_to_string(path).expect("it left a trace")
        });
        let [one, other] = &traces;
        let differs = one.lines().zip(other.lines()).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(one.len(), other.len(), "seed {seed}");
        assert!(one.lines().count() > 1_000, "something happened");
    }
}
