//! Modules of the core know each other in one direction: none can be reached from itself. So do the
//! files of each.

use std::collections::{BTreeMap, BTreeSet};

use super::Breach;
use super::arrows::tested;
use super::source::{Source, is_word};

/// Modules whose files, too, know each other in one direction: all that have several.
const IN_ORDER: &[&str] = &[
    "codec", "disk", "log", "node", "peer", "raft", "state", "versions",
];

type Graph = BTreeMap<String, BTreeSet<String>>;

pub fn breaches(sources: &[Source]) -> Vec<Breach> {
    let mut found = circles(&graph(sources));
    for module in IN_ORDER {
        let files = files(sources, module);
        found.extend(unnamed(&files));
        found.extend(circles(&files));
    }
    found
}

/// What a file takes from its module's door, or several at once, hides where it lies.
fn unnamed(files: &Graph) -> Vec<Breach> {
    let named = files
        .iter()
        .flat_map(|(file, known)| known.iter().map(move |name| (file, name)));
    let unnamed = named.filter(|(_, name)| !files.contains_key(*name));
    let breach = |(file, name): (&String, &String)| {
        breach(
            file,
            format!("{name} is no file: import from where it lies"),
        )
    };
    unnamed.map(breach).collect()
}

fn circles(graph: &Graph) -> Vec<Breach> {
    let in_circle = graph
        .keys()
        .filter(|one| reached(graph, one).contains(*one));
    let circle = |one: &String| breach(one, "it can be reached from itself".to_owned());
    in_circle.map(circle).collect()
}

fn breach(module: &str, says: String) -> Breach {
    Breach {
        path: format!("core/src/{module}"),
        line: 0,
        rule: "circle",
        says,
    }
}

/// Which modules the code of each names, tests left out.
fn graph(sources: &[Source]) -> Graph {
    let mut graph = Graph::new();
    for source in sources {
        let Some(inside) = source.path.strip_prefix("core/src/") else {
            continue;
        };
        if inside == "lib.rs" || inside.contains("tests") {
            continue;
        }
        let end = inside.find(['/', '.']).unwrap_or(inside.len());
        let module = inside[..end].to_owned();
        let known = graph.entry(module.clone()).or_default();
        let named = tested(source)
            .iter()
            .flat_map(|line| named(line, "crate::"));
        known.extend(named.filter(|name| *name != module));
    }
    graph
}

/// Which files of a module the code of each names, by their paths.
fn files(sources: &[Source], module: &str) -> Graph {
    let mut graph = Graph::new();
    for source in sources {
        let inside = source.path.strip_prefix("core/src/");
        let file = inside.and_then(|inside| inside.strip_prefix(module)?.strip_prefix('/'));
        let Some(file) = file.and_then(|file| file.strip_suffix(".rs")) else {
            continue;
        };
        if file != "mod" && !file.contains('/') {
            let within = |name: String| format!("{module}/{name}");
            let named = tested(source)
                .iter()
                .flat_map(|line| named(line, "super::"));
            let named = named.filter(|name| name != file).map(within);
            graph.insert(within(file.to_owned()), named.collect());
        }
    }
    graph
}

fn named(line: &str, before: &str) -> Vec<String> {
    let name = |after: &str| after.chars().take_while(|c| is_word(*c)).collect();
    line.split(before).skip(1).map(name).collect()
}

fn reached(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(module) = next.pop() {
        for known in graph.get(&module).into_iter().flatten() {
            if reached.insert(known.clone()) {
                next.push(known.clone());
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_seen_however_long() {
        let source = |path: &str, text: &str| Source::new(path, text);
        let line = [
            source("core/src/a/one.rs", "use crate::b::B;\n"),
            source("core/src/b.rs", "fn f(c: crate::c::C) {}\n"),
            source("core/src/c/mod.rs", "\n"),
        ];
        assert_eq!(breaches(&line), []);
        let back = source("core/src/c/two.rs", "use crate::a::A;\n");
        let circle: Vec<Source> = line.into_iter().chain([back]).collect();
        assert_eq!(breaches(&circle).len(), 3);
    }

    #[test]
    fn a_circle_of_files_is_seen() {
        let source = |path: &str, text: &str| Source::new(path, text);
        let sources = [
            source("core/src/log/one.rs", "use super::two::B;\n"),
            source("core/src/log/two.rs", "fn f(c: super::one::C) {}\n"),
            source("core/src/log/three.rs", "use super::one::C;\n"),
        ];
        let found = circles(&files(&sources, "log"));
        let found: Vec<&str> = found.iter().map(|breach| breach.path.as_str()).collect();
        assert_eq!(found, ["core/src/log/one", "core/src/log/two"]);
    }

    #[test]
    fn what_comes_through_the_door_is_seen() {
        let source = |text: &str| Source::new("core/src/log/one.rs", text);
        for text in ["use super::{two, three};\n", "fn f(c: super::Two) {}\n"] {
            assert_eq!(unnamed(&files(&[source(text)], "log")).len(), 1, "{text}");
        }
        assert_eq!(
            unnamed(&files(&[source("use super::one::A;\n")], "log")),
            []
        );
    }
}
