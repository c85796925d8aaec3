//! Three members in one process under a seed: crashes with lost and torn writes, cuts, pauses,
//! delays and clocks that jump, while clients ask and watchers watch. The same seed leaves the same
//! trace. `QUORATE_SIM_SEEDS` says how many seeds are played (default 50), `QUORATE_SIM_SEED`
//! which one alone.

mod check;
mod client;
mod entropy;
mod faults;
mod history;
mod medium;
mod member;
mod network;
mod observer;
mod panics;
mod trace;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use world::{Run, World};

/// Plays a seed on a thread of its own, whose randomness is all of the seed.
fn play(seed: u64) -> Result<Run, String> {
    let run = move || {
        entropy::seed(seed);
        panics::watch();
        let dir = std::env::temp_dir().join(format!("quorate-sim-{}", std::process::id()));
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let dir = dir.join(RUNS.fetch_add(1, Ordering::Relaxed).to_string());
        let run = World::run(seed, &dir);
        drop(std::fs::remove_dir_all(&dir));
        run
    };
    let thread = std::thread::Builder::new().name(format!("seed {seed}"));
    let played = thread.spawn(run).expect("a thread can be started").join();
    played.unwrap_or_else(|_| Err("the simulation panicked".into()))
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn what_was_promised_holds_under_every_seed() {
    let seeds = match number("QUORATE_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..number("QUORATE_SIM_SEEDS").unwrap_or(50) + 1,
    };
    let mut failures = Vec::new();
    for seed in seeds {
        let run = play(seed);
        let checked = run.and_then(|run| {
            println!(
                "seed {seed}: {} operations, {}",
                run.history.operations.len(),
                run.faults
            );
            check::all(&run)
        });
        if let Err(why) = checked {
            println!("seed {seed} FAILED: {why}");
            failures.push((seed, why));
        }
    }
    assert!(
        failures.is_empty(),
        "replay with QUORATE_SIM_SEED: {failures:#?}"
    );
}

#[test]
fn a_seed_leaves_the_same_trace_each_time() {
    for seed in [1, 2, 3] {
        let traces = [(); 2].map(|()| play(seed).map(|run| run.trace));
        let [Ok(one), Ok(other)] = &traces else {
            panic!("seed {seed}: {:?}", traces.map(|trace| trace.err()));
        };
        let differs = one.lines().zip(other.lines()).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(one.len(), other.len(), "seed {seed}");
        assert!(one.lines().count() > 10_000, "something happened");
    }
}
