//! Differences that are accepted: a file of rows, each with a narrow matcher, a reason and the
//! words of docs/DIFFERENCES.md that tell users of it.
//!
//! Rows are separated by blank lines; a row is lines `field: text`. `place`, `request`, `theirs`
//! and `ours` are regular expressions that must match the whole of what they are about; one that
//! is left out matches everything, but a row needs `place` and one more.
//!
//! ```text
//! name: hash of the file
//! place: Maintenance/Hash hash
//! theirs: \d+
//! ours: \d+
//! reason: etcd hashes its database file
//! docs: **Hash** is over what HashKV covers
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

use regex::Regex;

use super::difference::Difference;

/// One accepted difference.
struct Row {
    name: String,
    matchers: [Option<Regex>; 4],
    matched: AtomicU64,
}

/// The rows of a file, with how often each matched. Shared by the parts of a run.
pub struct Accepted {
    rows: Vec<Row>,
}

const MATCHERS: [&str; 4] = ["place", "request", "theirs", "ours"];

impl Accepted {
    /// Reads the rows of `text`; `docs` is the text of docs/DIFFERENCES.md.
    ///
    /// # Panics
    /// When a row lacks a name, a matcher or a reason, or `docs` lacks its words.
    pub fn read(text: &str, docs: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let text: Vec<&str> = lines.collect();
        let blocks = text.split(|line| line.trim().is_empty());
        let blocks = blocks.filter(|block| !block.is_empty());
        let docs = single_spaced(docs);
        Self {
            rows: blocks.map(|block| row(block, &docs)).collect(),
        }
    }

    /// Whether a row accepts `difference`.
    pub fn accepts(&self, difference: &Difference) -> bool {
        let found = self.rows.iter().find(|row| row.matches(difference));
        if let Some(row) = found {
            row.matched.fetch_add(1, Ordering::Relaxed);
        }
        found.is_some()
    }

    /// Each row's name, and how often it matched so far.
    pub fn matched(&self) -> Vec<(&str, u64)> {
        let count = |row: &Row| row.matched.load(Ordering::Relaxed);
        let rows = self.rows.iter();
        rows.map(|row| (row.name.as_str(), count(row))).collect()
    }
}

impl Row {
    fn matches(&self, difference: &Difference) -> bool {
        let texts = [
            &difference.place,
            &difference.request,
            &difference.theirs,
            &difference.ours,
        ];
        let pairs = self.matchers.iter().zip(texts);
        let mut wanted = pairs.filter_map(|(matcher, text)| matcher.as_ref().map(|m| (m, text)));
        wanted.all(|(matcher, text)| matcher.is_match(text))
    }
}

fn row(block: &[&str], docs: &str) -> Row {
    let field = |name: &str| {
        let lines = block.iter().filter_map(|line| line.split_once(':'));
        let found = lines.filter(|(field, _)| field.trim() == name);
        found.map(|(_, text)| text.trim()).next()
    };
    let needed = |name: &str| field(name).unwrap_or_else(|| panic!("no `{name}:` in {block:?}"));
    for line in block {
        let name = line.split_once(':').map_or(*line, |(name, _)| name.trim());
        let known = ["name", "reason", "docs"].contains(&name) || MATCHERS.contains(&name);
        assert!(known, "unknown field in the row {block:?}: {line}");
    }
    assert!(!needed("reason").is_empty(), "an empty reason in {block:?}");
    let told = needed("docs");
    assert!(
        !told.is_empty() && docs.contains(&single_spaced(told)),
        "docs/DIFFERENCES.md does not say: {told}"
    );
    let matchers = MATCHERS.map(|name| field(name).map(whole));
    assert!(
        matchers[0].is_some() && matchers.iter().flatten().count() > 1,
        "a row matches its place and more: {block:?}"
    );
    Row {
        name: needed("name").to_owned(),
        matchers,
        matched: AtomicU64::new(0),
    }
}

/// The pattern on all of a text, line feeds included.
fn whole(pattern: &str) -> Regex {
    Regex::new(&format!("(?s)^(?:{pattern})$")).unwrap_or_else(|error| panic!("{error}"))
}

/// Lines are wrapped at will in the documentation.
fn single_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "# told\nname: n\nplace: A b\ntheirs: \\d+\nreason: r\ndocs: the words\n";

    fn difference(place: &str, theirs: &str) -> Difference {
        Difference {
            request: String::new(),
            place: place.to_owned(),
            theirs: theirs.to_owned(),
            ours: "7".to_owned(),
        }
    }

    #[test]
    fn a_row_matches_the_whole_text_and_is_counted() {
        let accepted = Accepted::read(ROW, "here are the\n  words");
        assert_eq!(accepted.matched(), [("n", 0)]);
        assert!(accepted.accepts(&difference("A b", "12")));
        assert!(!accepted.accepts(&difference("A b c", "12")));
        assert!(!accepted.accepts(&difference("A b", "12x")));
        assert_eq!(accepted.matched(), [("n", 1)]);
    }

    #[test]
    #[should_panic(expected = "DIFFERENCES.md does not say")]
    fn what_users_are_not_told_is_not_accepted() {
        Accepted::read(ROW, "other words");
    }
}
