//! Sequences that are written down, in `cross/redis-corners.txt`: what chance rarely meets.

use super::step::{self, Step};

const TEXT: &str = include_str!("../../../cross/redis-corners.txt");

/// Name and steps of every sequence of the file.
pub fn corners() -> Vec<(String, Vec<Step>)> {
    read(TEXT)
}

/// The steps of a text without names.
///
/// # Panics
/// When a line is no step.
pub fn steps(text: &str) -> Vec<Step> {
    read(&format!("== steps\n{text}")).remove(0).1
}

/// # Panics
/// When a line is no step, or stands before the first name.
fn read(text: &str) -> Vec<(String, Vec<Step>)> {
    let mut found: Vec<(String, Vec<Step>)> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("== ") {
            found.push((name.to_owned(), Vec::new()));
            continue;
        }
        let step = step::parse(line).unwrap_or_else(|why| panic!("{why}"));
        let (_, steps) = found
            .last_mut()
            .unwrap_or_else(|| panic!("no name before: {line}"));
        steps.push(step);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_part_the_sequences() {
        let found = read("# told\n== one\n0> PING\n\n== two\n0> PING\n1~ k\n");
        let shape: Vec<(&str, usize)> = found
            .iter()
            .map(|(name, steps)| (name.as_str(), steps.len()))
            .collect();
        assert_eq!(shape, [("one", 1), ("two", 2)]);
        assert!(!corners().is_empty());
    }
}
