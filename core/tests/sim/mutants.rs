//! A fault that there was once, put back in this process, to see that a seed finds it.

use quorate_core::mutants::{self, ALL, Mutant};

/// Names the fault that a process has.
pub const MUTANT: &str = "QUORATE_SIM_MUTANT";

/// As the variable names it.
pub fn put_back(name: &str) {
    let is_named = |mutant: &&Mutant| format!("{mutant:?}") == name;
    let mutant = ALL.iter().find(is_named);
    mutants::put_back(*mutant.unwrap_or_else(|| panic!("{MUTANT}={name}: no such fault")));
}
