//! The matrix file: one line `client scenario` for every scenario that Quorate must pass, as one
//! member and as three; with `one` after it, as one member only.

use std::fs;

use crate::peers::package_path;

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub client: String,
    pub scenario: String,
    /// It is about a cluster of one, so three members are not asked.
    pub of_one: bool,
}

/// Reads `compat-tests/matrix.txt`; any other line is a mistake in the file.
pub(super) fn read() -> Result<Vec<Row>, String> {
    let path = package_path("matrix.txt");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    parse(&text).map_err(|line| format!("{}: not `client scenario [one]`: {line}", path.display()))
}

fn parse(text: &str) -> Result<Vec<Row>, String> {
    let content = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (client, scenario, of_one) = match words[..] {
            [client, scenario] => (client, scenario, false),
            [client, scenario, "one"] => (client, scenario, true),
            _ => return Err(line.to_owned()),
        };
        Ok(Row {
            client: client.into(),
            scenario: scenario.into(),
            of_one,
        })
    };
    text.lines().filter(content).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blank_lines_are_skipped_and_other_lines_must_be_rows() {
        let rows = parse("# head\n\nredis-cli  strings\na b one\n").expect("rows");
        let row = |client: &str, scenario: &str, of_one| Row {
            client: client.into(),
            scenario: scenario.into(),
            of_one,
        };
        let expected = [row("redis-cli", "strings", false), row("a", "b", true)];
        assert_eq!(rows, expected);
        assert_eq!(parse("one two three"), Err("one two three".to_owned()));
    }
}
