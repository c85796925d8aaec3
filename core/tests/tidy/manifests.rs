//! Rules about what is not Rust: manifests and documents.

use std::fs;
use std::path::{Path, PathBuf};

use super::Breach;
use super::source::{files, root};

/// Every package takes the workspace's lints; without that line they hold for nobody.
pub fn breaches() -> Vec<Breach> {
    let root = root();
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("the workspace's manifest");
    let members = manifest
        .lines()
        .find_map(|line| line.strip_prefix("members = "))
        .expect("it lists its members on one line");
    let mut found = Vec::new();
    assert!(members.contains("core"), "no members in {members}");
    for member in members.split('"').skip(1).step_by(2) {
        let path = root.join(member).join("Cargo.toml");
        let text = fs::read_to_string(&path).expect("a member has a manifest");
        if !text.contains("[lints]\nworkspace = true") {
            found.push(Breach {
                path: format!("{member}/Cargo.toml"),
                line: 0,
                rule: "lints",
                says: "needs `[lints]` with `workspace = true`".to_owned(),
            });
        }
    }
    for member in members.split('"').skip(1).step_by(2) {
        let path = format!("{member}/Cargo.toml");
        let text = fs::read_to_string(root.join(&path)).expect("a member has a manifest");
        found.extend(has_mutants(&text, member == "core").map(|line| Breach {
            path: path.clone(),
            line,
            rule: "mutants",
            says: "only tests of the core may have its old faults".to_owned(),
        }));
    }
    found
}

/// Where a manifest names the feature that puts old faults back, and may not.
fn has_mutants(text: &str, is_core: bool) -> impl Iterator<Item = usize> {
    let mut section = "";
    (1..).zip(text.lines()).filter_map(move |(number, line)| {
        if line.starts_with('[') {
            section = line;
        }
        let may = is_core && matches!(section, "[features]" | "[dev-dependencies]");
        (line.contains("mutants") && !may).then_some(number)
    })
}

#[test]
fn mutants_are_seen_in_manifests() {
    let places = |text, is_core| has_mutants(text, is_core).collect::<Vec<_>>();
    let core = "[features]\nmutants = []\n[dev-dependencies]\nx = [\"mutants\"]\n";
    assert!(places(core, true).is_empty());
    assert_eq!(places(core, false), [2, 4]);
    assert_eq!(places("[dependencies]\nx = [\"mutants\"]\n", true), [2]);
}

/// Relative links of Markdown files to files that are not there.
pub fn dead_links() -> Vec<Breach> {
    let root = root();
    let mut documents = Vec::new();
    files(
        &root,
        &|path| path.extension().is_some_and(|end| end == "md"),
        &mut documents,
    );
    assert!(documents.len() > 5, "only {documents:?}");
    let dead = |document: &PathBuf| {
        let text = fs::read_to_string(document).expect("documents are UTF-8");
        let folder = document.parent().expect("it lies in a folder");
        let path = document.strip_prefix(&root).expect("found below it");
        dead_in(&text, folder, &path.to_string_lossy())
    };
    documents.iter().flat_map(dead).collect()
}

fn dead_in(text: &str, folder: &Path, path: &str) -> Vec<Breach> {
    let mut found = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        for (at, _) in text.match_indices("](") {
            let rest = &text[at + 2..];
            let Some((target, _)) = rest.split_once(')') else {
                continue;
            };
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") && !folder.join(file).exists() {
                let says = format!("{target} is not there");
                let path = path.to_owned();
                found.push(Breach {
                    path,
                    line,
                    rule: "link",
                    says,
                });
            }
        }
    }
    found
}

#[test]
fn a_dead_link_is_seen() {
    let text = "[a](Cargo.toml) [b](#c) [d](https://e.org)\n[f](no/such.md#g)\n";
    let found = dead_in(text, &root(), "x.md");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].line, 2);
}
