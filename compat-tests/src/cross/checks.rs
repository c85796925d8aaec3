//! The checks of one binary, run as cargo's own would be: names as filters, a line for each, a
//! closing line in cargo's style. What they print in between is always shown.

use std::process::ExitCode;
use std::time::Instant;

use crate::trouble::{self, Trouble};

/// Why a check did not pass.
pub enum Wrong {
    LeftOut(String),
    Failed(String),
}

impl From<Trouble> for Wrong {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::LeftOut(why) => Self::LeftOut(why),
            Trouble::Broken(why) => Self::Failed(why),
        }
    }
}

impl From<String> for Wrong {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

/// Plays those of the checks whose names have one of the program's arguments in them, or all.
pub fn run<C: Copy>(checks: &[(&str, C)], play: impl Fn(C) -> Result<(), Wrong>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        checks.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let filters: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let is_wanted = |name: &str| filters.is_empty() || filters.iter().any(|f| name.contains(*f));
    let wanted: Vec<_> = checks.iter().filter(|(name, _)| is_wanted(name)).collect();
    let started = Instant::now();
    let (mut passed, mut ignored, mut failed) = (0, 0, 0);
    println!("\nrunning {} tests", wanted.len());
    for (name, check) in &wanted {
        match play(*check) {
            Ok(()) => {
                println!("test {name} ... ok");
                passed += 1;
            }
            Err(Wrong::LeftOut(why)) if !trouble::all_is_required() => {
                println!("left out: {why}\ntest {name} ... ignored");
                ignored += 1;
            }
            Err(Wrong::LeftOut(why) | Wrong::Failed(why)) => {
                println!("{why}\ntest {name} ... FAILED");
                failed += 1;
            }
        }
    }
    println!(
        "\ntest result: {}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; {} \
         filtered out; finished in {:.2}s\n",
        if failed == 0 { "ok" } else { "FAILED" },
        checks.len() - wanted.len(),
        started.elapsed().as_secs_f32()
    );
    ExitCode::from(u8::from(failed > 0))
}
