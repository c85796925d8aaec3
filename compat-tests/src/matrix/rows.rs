//! The matrix file: one line `client scenario` for every scenario that Quorate must pass.

use std::fs;

use crate::peers::package_path;

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub client: String,
    pub scenario: String,
}

/// Reads `compat-tests/matrix.txt`; a line that is not two words is a mistake in the file.
pub(super) fn read() -> Result<Vec<Row>, String> {
    let path = package_path("matrix.txt");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    parse(&text).map_err(|line| format!("{}: not `client scenario`: {line}", path.display()))
}

fn parse(text: &str) -> Result<Vec<Row>, String> {
    let content = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let row = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [client, scenario] => Ok(Row {
            client: client.into(),
            scenario: scenario.into(),
        }),
        _ => Err(line.to_owned()),
    };
    text.lines().filter(content).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blank_lines_are_skipped_and_other_lines_must_be_rows() {
        let rows = parse("# head\n\nredis-cli  strings\n").expect("two words are a row");
        assert_eq!(
            rows,
            [Row {
                client: "redis-cli".into(),
                scenario: "strings".into()
            }]
        );
        assert_eq!(parse("one two three"), Err("one two three".to_owned()));
    }
}
