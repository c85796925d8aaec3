//! Whether the simulator finds anything: faults that there were once are put back, each by itself,
//! and seeds are played until one of them fails.

use std::ffi::OsStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use quorate_core::mutants::{self, ALL, Mutant};

use crate::faults::FAVOURITE;
use crate::play_apart;

/// Names the fault that a process has.
pub const MUTANT: &str = "QUORATE_SIM_MUTANT";
/// A fault may be that something never rests.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Each must be found in so many.
const SEEDS: u64 = 100;

/// As the variable names it.
pub fn put_back(name: &str) {
    let is_named = |mutant: &&Mutant| format!("{mutant:?}") == name;
    let mutant = ALL.iter().find(is_named);
    mutants::put_back(*mutant.unwrap_or_else(|| panic!("{MUTANT}={name}: no such fault")));
}

/// The kind of fault under which it shows soonest, if there is one.
fn favourite(mutant: Mutant) -> Option<&'static str> {
    match mutant {
        Mutant::SentAgainAsNew | Mutant::TurnedOrder => Some("kill"),
        Mutant::AnyDisk | Mutant::NoLogMark => Some("lost disk"),
        Mutant::TwoInstalls => Some("two installs"),
        Mutant::EndlessAppends => Some("large values"),
        Mutant::SilentConnections => Some("silent peer"),
        Mutant::EarlyEnds => None,
    }
}

fn is_full() -> bool {
    std::env::var("QUORATE_TIER").is_ok_and(|tier| tier == "full")
}

/// Large values cost too much for every run. A millisecond is seldom seen from outside: what shows
/// it is a test of the clock.
fn is_sought(mutant: &&Mutant) -> bool {
    match mutant {
        Mutant::EarlyEnds => false,
        Mutant::EndlessAppends => is_full(),
        _ => true,
    }
}

/// The first seed that fails with it, and why it does. Within the time of CI the seeds have more of
/// the fault that it shows under.
fn found(mutant: Mutant) -> Option<(u64, String)> {
    let name = format!("{mutant:?}");
    let favourite = favourite(mutant).filter(|_| !is_full());
    let mut settings = vec![(MUTANT, OsStr::new(&name))];
    settings.extend(favourite.map(|kind| (FAVOURITE, OsStr::new(kind))));
    (1..=SEEDS).find_map(|seed| {
        let told = play_apart(seed, &settings).err()?;
        let verdict = format!("seed {seed} FAILED: ");
        let why = told.lines().find_map(|line| line.strip_prefix(&verdict));
        let why = why.unwrap_or_else(|| panic!("{name} can't be played: {told}"));
        Some((seed, why.to_owned()))
    })
}

#[test]
fn each_old_fault_is_found() {
    let next = AtomicUsize::new(0);
    let missed = Mutex::new(Vec::new());
    let sought: Vec<_> = ALL.iter().filter(is_sought).collect();
    let work = || {
        while let Some(mutant) = sought.get(next.fetch_add(1, Ordering::Relaxed)) {
            match found(**mutant) {
                Some((seed, why)) => println!("{mutant:?}: seed {seed}: {why:.300}"),
                None => missed.lock().push(**mutant),
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    let missed = missed.into_inner();
    assert!(missed.is_empty(), "not found in {SEEDS} seeds: {missed:?}");
}
