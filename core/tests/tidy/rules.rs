//! What holds for every source file.

use super::Breach;
use super::source::{Source, is_word};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_COLUMNS_MAX: usize = 100;

/// Left-overs; written apart, so that this file passes.
const MARKS: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];
const MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];
/// A module's name says what it holds.
const EMPTY_NAMES: [&str; 5] = ["util", "utils", "helper", "helpers", "common"];

pub fn breaches(source: &Source) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut say = |line: usize, rule: &'static str, says: String| {
        let path = source.path.clone();
        found.push(Breach {
            path,
            line,
            rule,
            says,
        });
    };
    if source.lines.len() > FILE_LINES_MAX {
        say(
            0,
            "file",
            format!("{} lines; {FILE_LINES_MAX} at most", source.lines.len()),
        );
    }
    if !source
        .lines
        .first()
        .is_some_and(|line| line.starts_with("//!"))
    {
        say(1, "header", "a file opens with //! and what it is".into());
    }
    let stem = source.path.rsplit('/').next().unwrap_or_default();
    if EMPTY_NAMES.iter().any(|name| stem == format!("{name}.rs")) {
        say(0, "name", "name the module after what it holds".into());
    }
    for (line, text) in (1..).zip(&source.lines) {
        let columns = text.chars().count();
        if columns > LINE_COLUMNS_MAX {
            say(
                line,
                "columns",
                format!("{columns} columns; {LINE_COLUMNS_MAX} at most"),
            );
        }
        if let Some(mark) = MARKS.iter().find(|mark| has_word(text, mark)) {
            say(line, "left over", format!("{mark}: do it, or file it"));
        }
    }
    for (line, text) in (1..).zip(&source.code) {
        if let Some(name) = MACROS.iter().find(|name| calls_macro(text, name)) {
            say(line, "left over", format!("{name}! stays out of commits"));
        }
    }
    for (line, name, length) in functions(source) {
        if length > FUNCTION_LINES_MAX {
            let says = format!("`{name}` has {length} lines; {FUNCTION_LINES_MAX} at most");
            say(line, "function", says);
        }
    }
    if let Some(line) = first_unwrap(source) {
        say(
            line,
            "unwrap",
            "say with expect() why it cannot fail".into(),
        );
    }
    if let Some((line, item)) = first_item_in_door(source) {
        say(
            line,
            "door",
            format!("mod.rs and lib.rs declare and re-export, no `{item}`"),
        );
    }
    found
}

pub fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

fn calls_macro(text: &str, name: &str) -> bool {
    has_word(text, name) && text.contains(&format!("{name}!"))
}

/// (line, name, lines from signature to closing brace) of every function. In formatted code a
/// body ends with the first brace at its function's own indentation.
fn functions(source: &Source) -> Vec<(usize, String, usize)> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    for (at, line) in source.code.iter().enumerate() {
        let Some(name) = function_name(line) else {
            continue;
        };
        let end = source.code[at..].iter().position(|other| {
            let closes = other.trim_start().starts_with('}') && indent(other) == indent(line);
            closes || (indent(other) == indent(line) && other.trim_end().ends_with(';'))
        });
        found.push((at + 1, name, end.map_or(1, |end| end + 1)));
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let (before, after) = line.split_once("fn ")?;
    let qualifiers = [
        "pub",
        "pub(crate)",
        "pub(super)",
        "async",
        "const",
        "unsafe",
        "extern",
    ];
    if !before
        .split_whitespace()
        .all(|word| qualifiers.contains(&word))
    {
        return None;
    }
    let name: String = after.chars().take_while(|c| is_word(*c)).collect();
    (!name.is_empty()).then_some(name)
}

/// Tests may unwrap: whole files of tests, and what follows `#[cfg(test)]` in others.
fn first_unwrap(source: &Source) -> Option<usize> {
    if source.is_test() {
        return None;
    }
    let tests = |line: &String| line.trim() == "#[cfg(test)]" || line.trim() == "#![cfg(test)]";
    let end = source
        .code
        .iter()
        .position(tests)
        .unwrap_or(source.code.len());
    let unwraps = |line: &String| line.contains(concat!(".unw", "rap()"));
    Some(source.code[..end].iter().position(unwraps)? + 1)
}

/// The first thing in a `mod.rs` or `lib.rs` that is more than a declaration.
fn first_item_in_door(source: &Source) -> Option<(usize, String)> {
    let file = source.path.rsplit('/').next().unwrap_or_default();
    // A rig that several test programs share must be a mod.rs, else cargo runs it as a program.
    let is_door = file == "mod.rs" || file == "lib.rs";
    if !is_door || source.path.contains("/tests/") {
        return None;
    }
    let allowed = [
        "mod",
        "use",
        "pub",
        "}",
        "#",
        "include",
        "tonic",
        "static_assertions",
    ];
    let mut inside_use = false;
    for (line, text) in (1..).zip(&source.code) {
        let text = text.trim();
        let first: String = text.chars().take_while(|c| is_word(*c)).collect();
        let first = if first.is_empty() {
            text.chars().take(1).collect()
        } else {
            first
        };
        let declares = allowed.contains(&first.as_str()) && !is_public_item(text);
        if !inside_use && !text.is_empty() && !declares {
            return Some((line, text.to_owned()));
        }
        let opens = has_word(text, "use") && text.contains('{');
        inside_use = (inside_use || opens) && !text.contains(';');
    }
    None
}

/// `pub` and then anything but a module or a re-export.
fn is_public_item(text: &str) -> bool {
    let items = [
        "fn", "struct", "enum", "trait", "const", "static", "type", "impl", "union",
    ];
    text.starts_with("pub") && items.iter().any(|item| has_word(text, item))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules_broken(path: &str, text: &str) -> Vec<&'static str> {
        let found = breaches(&Source::new(path, text));
        found.iter().map(|breach| breach.rule).collect()
    }

    #[test]
    fn a_tidy_file_passes() {
        let text = "//! What it is.\nfn f() {\n    let todo = \"dbg!()\"; // .unwrap\n}\n";
        assert_eq!(rules_broken("core/src/a.rs", text), [""; 0]);
        let door = "//! A door.\n\nmod a;\npub use a::{\n    B,\n    C,\n};\n";
        assert_eq!(rules_broken("core/src/mod.rs", door), [""; 0]);
    }

    #[test]
    fn each_rule_is_enforced() {
        let body = "        a();\n".repeat(70);
        let long = format!("//! A.\nimpl B {{\n    pub async fn f(\n    ) {{\n{body}    }}\n}}\n");
        assert_eq!(rules_broken("core/src/a.rs", &long), ["function"]);
        let lines = format!("//! A.\n{}", "// b\n".repeat(500));
        assert_eq!(rules_broken("core/src/a.rs", &lines), ["file"]);
        let wide = format!("//! A.\n// {}\n", "b".repeat(98));
        assert_eq!(rules_broken("core/src/a.rs", &wide), ["columns"]);
        let unwrap = format!("//! A.\nfn f() {{ g(){}; }}\n", concat!(".unw", "rap()"));
        assert_eq!(rules_broken("core/src/a.rs", &unwrap), ["unwrap"]);
        assert_eq!(rules_broken("core/tests/a.rs", &unwrap), [""; 0]);
        assert_eq!(rules_broken("core/src/a.rs", "fn f() {}\n"), ["header"]);
        assert_eq!(
            rules_broken("core/src/a.rs", "//! A.\nfn f() { dbg!(1); }\n"),
            ["left over"]
        );
        let mark = format!("//! A.\n// {}: later\n", MARKS[0]);
        assert_eq!(rules_broken("core/src/a.rs", &mark), ["left over"]);
        assert_eq!(rules_broken("core/src/utils.rs", "//! A.\n"), ["name"]);
        assert_eq!(
            rules_broken("core/src/lib.rs", "//! A.\npub fn f() {}\n"),
            ["door"]
        );
        assert_eq!(
            rules_broken("core/src/a/mod.rs", "//! A.\nconst B: u8 = 1;\n"),
            ["door"]
        );
    }
}
