//! What may differ between two servers, and nothing else: ids, addresses, times and sizes.
//!
//! An id becomes ID1, ID2, … in the order of first appearance, whether it is in decimal or in
//! hex, so that the same id stays recognisable across lines and commands.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// A pattern, what stands for it, and why it may differ. `$1` and `$2` keep what surrounds it.
type Row = (&'static str, &'static str, &'static str);

const ROWS: &[Row] = &[
    (
        r#"(?m)^\{"level":"warn".*"error":"(rpc error[^"]*)"\}\n"#,
        "$1\n",
        "the client's own log line, with times and addresses, around the error it got",
    ),
    (
        r"127\.0\.0\.1:\d+",
        "ADDRESS",
        "every server listens on ports of its own",
    ),
    (r"took = \S+", "took = TIME", "how long a health check took"),
    (
        r#""took":"[^"]*""#,
        r#""took":"TIME""#,
        "how long a health check took",
    ),
    (
        r#"("ttl":)\d+"#,
        "${1}TIME",
        "seconds that are left of a lease",
    ),
    (
        r"remaining\(\d+s\)",
        "remaining(TIME)",
        "seconds that passed since the grant",
    ),
    (
        r#"("(?:raft_term|raftTerm)":)\d+"#,
        "${1}TERM",
        "elections so far",
    ),
    (r#"("RaftTerm" : )\d+"#, "${1}TERM", "elections so far"),
    (
        r#"("raft(?:Applied)?Index":)\d+"#,
        "${1}INDEX",
        "how many entries the log holds",
    ),
    (
        r#"("Raft(?:Applied)?Index" : )\d+"#,
        "${1}INDEX",
        "how many entries the log holds",
    ),
    (
        r#"("dbSize(?:InUse)?":)\d+"#,
        "${1}SIZE",
        "the storage engine's file",
    ),
    (
        r#"("DBSize(?:InUse)?" : )\d+"#,
        "${1}SIZE",
        "the storage engine's file",
    ),
    (
        r", [\d.]+ [kMG]?B(?:, [\d.]+ [kMG]?B, \d+%)?(, .*(?:true|false)), \d+, \d+, \d+",
        ", SIZES$1, TERM, INDEX, INDEX",
        "sizes, term and indexes in `endpoint status`'s short form",
    ),
];

static COMPILED: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let compile = |(pattern, with, _): &Row| {
        (
            Regex::new(pattern).expect("the table holds valid patterns"),
            *with,
        )
    };
    ROWS.iter().map(compile).collect()
});

/// A decimal of 17 digits or more, or a word of 12 to 16 hex digits. Both servers draw member,
/// cluster and lease ids for themselves.
static ID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(?:\d{17,20}|[0-9a-f]{12,16})\b").expect("a valid pattern"));

/// Remembers the names it gave to ids.
#[derive(Default)]
pub(super) struct Normaliser {
    names: HashMap<u64, usize>,
}

impl Normaliser {
    pub(super) fn apply(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (pattern, with) in COMPILED.iter() {
            text = pattern.replace_all(&text, *with).into_owned();
        }
        ID.replace_all(&text, |found: &Captures<'_>| self.name(&found[0]))
            .into_owned()
    }

    fn name(&mut self, id: &str) -> String {
        let number = if id.len() >= 17 {
            id.parse().ok()
        } else {
            u64::from_str_radix(id, 16).ok()
        };
        let Some(number) = number else {
            return id.to_owned();
        };
        let next = self.names.len() + 1;
        format!("ID{}", self.names.entry(number).or_insert(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_its_name_in_hex_and_in_decimal() {
        let mut normaliser = Normaliser::default();
        let said = "lease 694da1fca2034713 granted\n{\"id\":7587899053611108115,\"revision\":6}";
        let expected = "lease ID1 granted\n{\"id\":ID1,\"revision\":6}";
        assert_eq!(normaliser.apply(said), expected);
        assert_eq!(
            normaliser.apply("694da1fca2034715 694da1fca2034713"),
            "ID2 ID1"
        );
    }

    #[test]
    fn codes_texts_and_revisions_stay() {
        let said = "{\"level\":\"warn\",\"error\":\"rpc error: code = OutOfRange desc = x\"}\n\
                    Error: x at revision 12, hash 1856077107\n";
        let expected =
            "rpc error: code = OutOfRange desc = x\nError: x at revision 12, hash 1856077107\n";
        assert_eq!(Normaliser::default().apply(said), expected);
    }

    #[test]
    fn endpoint_status_keeps_versions_and_roles() {
        let said = "127.0.0.1:1, 8e9e05c52164694d, 3.7.1, 3.7.0, 20 kB, 16 kB, 20%, 2.1 GB, true, \
                    false, 2, 13, 13, , , false";
        let expected = "ADDRESS, ID1, 3.7.1, 3.7.0, SIZES, 2.1 GB, true, false, TERM, INDEX, \
                        INDEX, , , false";
        assert_eq!(Normaliser::default().apply(said), expected);
    }
}
