//! How often each thing occurred in a run, so that a run which never tried something fails.
//!
//! An entry is a group and a name: `rpc KV/Range`, `option Range.limit`, `error OutOfRange: …`.
//! The list of what must occur is a text of such lines; blank lines and `#` comments are skipped.

use std::collections::BTreeMap;
use std::fmt;

/// Counts by group and name.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    counts: BTreeMap<(String, String), u64>,
}

impl Ledger {
    /// One more `name` in `group`; a group is one word.
    pub fn count(&mut self, group: &str, name: impl Into<String>) {
        let entry = self.counts.entry((group.to_owned(), name.into()));
        *entry.or_default() += 1;
    }

    /// Adds what another part of the run counted.
    pub fn merge(&mut self, other: &Self) {
        for (entry, count) in &other.counts {
            *self.counts.entry(entry.clone()).or_default() += count;
        }
    }

    /// The number of things counted in `group`.
    pub fn total(&self, group: &str) -> u64 {
        let of_group = self.counts.iter().filter(|((of, _), _)| of == group);
        of_group.map(|(_, count)| count).sum()
    }

    /// The lines of `required` that never occurred.
    pub fn missing(&self, required: &str) -> Vec<String> {
        let lines = required.lines().map(str::trim);
        let entries = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let absent = entries.filter(|line| {
            let (group, name) = line.split_once(' ').unwrap_or((line, ""));
            let entry = (group.to_owned(), name.trim().to_owned());
            !self.counts.contains_key(&entry)
        });
        absent.map(str::to_owned).collect()
    }
}

/// One line an entry: its count, group and name.
impl fmt::Display for Ledger {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((group, name), count) in &self.counts {
            writeln!(out, "{count:>8}  {group} {name}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_occurred_is_missing() {
        let mut ledger = Ledger::default();
        ledger.count("rpc", "KV/Put");
        ledger.count("error", "NotFound: gone with spaces");
        let required = "# what must occur\n\nrpc KV/Put\nrpc KV/Range\nerror NotFound: gone with \
                        spaces\n";
        assert_eq!(ledger.missing(required), ["rpc KV/Range"]);
    }

    #[test]
    fn counts_of_parts_add_up() {
        let (mut one, mut other) = (Ledger::default(), Ledger::default());
        one.count("rpc", "a");
        other.count("rpc", "a");
        other.count("rpc", "b");
        one.merge(&other);
        assert_eq!(one.total("rpc"), 3);
    }
}
