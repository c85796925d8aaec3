//! House rules that compilers and linters don't know, kept by a test over the sources of all
//! packages. `rules` holds for every file, `arrows` says who may know whom, `exceptions` names
//! what is allowed to differ, and why; an exception that is not needed any more fails, too.

mod arrows;
mod circles;
mod exceptions;
mod manifests;
mod rules;
mod source;

use source::Source;

/// One breach: where, and what the rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    pub path: String,
    /// From 1; 0 speaks of the whole file.
    pub line: usize,
    pub rule: &'static str,
    pub says: String,
}

fn report(breaches: &[Breach]) {
    let lines: Vec<String> = breaches
        .iter()
        .map(|b| format!("{}:{}: [{}] {}", b.path, b.line, b.rule, b.says))
        .collect();
    assert!(lines.is_empty(), "untidy:\n{}", lines.join("\n"));
}

#[test]
fn the_sources_keep_the_rules() {
    let sources = Source::all();
    assert!(sources.len() > 100, "only {} sources found", sources.len());
    let found: Vec<Breach> = sources.iter().flat_map(rules::breaches).collect();
    report(&exceptions::remaining(found));
}

#[test]
fn nobody_knows_whom_it_should_not() {
    let sources = Source::all();
    let found: Vec<Breach> = sources.iter().flat_map(arrows::breaches).collect();
    report(&exceptions::remaining_arrows(found));
    report(&arrows::idle(&sources));
}

#[test]
fn modules_know_each_other_in_one_direction() {
    report(&circles::breaches(&Source::all()));
}

#[test]
fn every_package_keeps_the_lints() {
    report(&manifests::breaches());
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    report(&manifests::dead_links());
}
