//! The markdown table: a row per workload, medians over the rounds, ours beside the peer's.

use crate::drive::Sample;
use crate::workload::Workload;

/// The table's head.
pub const HEAD: &str = "\
| Workload | Peer | Operations/s, ours / peer | Throughput ratio | p50 ms | p99 ms \
| Server CPU µs/op | CPU ratio | Peak MiB | Generator, cores |
|---|---|---|---|---|---|---|---|---|---|
";

/// A row. `ours[i]` and `peer[i]` are of the same round; neither is empty.
pub fn row(workload: Workload, ours: &[Sample], peer: &[Sample]) -> String {
    let pair = |of: fn(&Sample) -> f64, digits: usize| {
        let (ours, peer) = (spread(ours.iter().map(of)), spread(peer.iter().map(of)));
        format!("{:.digits$} / {:.digits$}", ours.median, peer.median)
    };
    let ratio = |of: fn(&Sample) -> f64| {
        spread(
            ours.iter()
                .zip(peer)
                .map(|(ours, peer)| of(ours) / of(peer)),
        )
        .show(2)
    };
    let each = |samples: &[Sample]| spread(samples.iter().map(|one| one.throughput)).show(0);
    format!(
        "| {} | {:?} | {} / {} | {} | {} | {} | {} | {} | {} | {} |\n",
        workload.name,
        workload.peer(),
        each(ours),
        each(peer),
        ratio(|one| one.throughput),
        pair(|one| one.p50, 2),
        pair(|one| one.p99, 2),
        pair(|one| one.cpu, 1),
        ratio(|one| one.cpu),
        pair(|one| one.memory, 0),
        pair(|one| one.generator, 2),
    )
}

/// Median and range.
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn show(&self, digits: usize) -> String {
        let Self {
            median,
            least,
            most,
        } = self;
        format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
    }
}

/// Of an even number of values the median is the mean of the middle two.
fn spread(values: impl Iterator<Item = f64>) -> Spread {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    Spread {
        median: f64::midpoint(values[last / 2], values[values.len() / 2]),
        least: values[0],
        most: values[last],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle_and_the_range_at_the_ends() {
        assert_eq!(spread([9.0, 1.0, 4.0].into_iter()).show(0), "4 (1–9)");
        assert_eq!(
            spread([9.0, 1.0, 4.0, 2.0].into_iter()).show(1),
            "3.0 (1.0–9.0)"
        );
    }
}
