//! A histogram that is kept elsewhere, as text for a scrape.

use std::fmt::Write;

use quorate_core::node::SyncTimes;

/// How long the log's syncs took, under etcd's name and with its buckets.
pub fn sync_times(times: &SyncTimes, text: &mut String) {
    let name = "etcd_disk_wal_fsync_duration_seconds";
    let written = write(name, "Seconds that syncs of the log took", times, text);
    written.expect("writing to a string does not fail");
}

fn write(name: &str, help: &str, times: &SyncTimes, text: &mut String) -> std::fmt::Result {
    writeln!(text, "# HELP {name} {help}.\n# TYPE {name} histogram")?;
    for (bound, count) in &times.buckets {
        let bound = bound.as_secs_f64();
        writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {count}")?;
    }
    let (count, sum) = (times.count, times.sum.as_secs_f64());
    writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}")?;
    writeln!(text, "{name}_sum {sum}\n{name}_count {count}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn bounds_and_counts_are_written_as_prometheus_reads_them() {
        let times = SyncTimes {
            buckets: vec![(Duration::from_millis(1), 2), (Duration::from_millis(2), 3)],
            count: 4,
            sum: Duration::from_millis(1500),
        };
        let mut text = String::new();
        sync_times(&times, &mut text);
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let name = "etcd_disk_wal_fsync_duration_seconds";
        assert_eq!(
            samples,
            [
                format!("{name}_bucket{{le=\"0.001\"}} 2"),
                format!("{name}_bucket{{le=\"0.002\"}} 3"),
                format!("{name}_bucket{{le=\"+Inf\"}} 4"),
                format!("{name}_sum 1.5"),
                format!("{name}_count 4"),
            ]
        );
    }
}
