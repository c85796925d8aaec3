//! Whether the simulator finds anything: faults that there were once are put back, each by itself,
//! and seeds are played until one of them fails.

use std::ffi::OsStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use quorate_core::mutants::{self, ALL, Mutant};

use crate::play_apart;

/// Names the fault that a process has.
pub const MUTANT: &str = "QUORATE_SIM_MUTANT";
/// A fault may be that something never rests.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Each must be found in so many, with the faults that all seeds have.
const SEEDS: u64 = 100;

/// As the variable names it.
pub fn put_back(name: &str) {
    let is_named = |mutant: &&Mutant| format!("{mutant:?}") == name;
    let mutant = ALL.iter().find(is_named);
    mutants::put_back(*mutant.unwrap_or_else(|| panic!("{MUTANT}={name}: no such fault")));
}

/// A millisecond is seldom seen from outside: what shows it is a test of the clock.
fn is_sought(mutant: &&Mutant) -> bool {
    **mutant != Mutant::EarlyEnds
}

/// The first seed that fails with it, and why it does.
fn found(mutant: Mutant) -> Option<(u64, String)> {
    let name = format!("{mutant:?}");
    (1..=SEEDS).find_map(|seed| {
        let told = play_apart(seed, &[(MUTANT, OsStr::new(&name))]).err()?;
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
