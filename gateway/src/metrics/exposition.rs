//! From OpenMetrics, which the metrics library writes, to the older Prometheus text, which etcd's
//! clients read.
//!
//! They differ in counters: OpenMetrics names the family `x` and its samples `x_total`, the older
//! text calls both `x_total`. And some of etcd's counters have no such ending, or are no whole
//! numbers, so those are registered as gauges of the name that etcd gives them, and called
//! counters here.

pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Registered as gauges.
const COUNTERS: [&str; 3] = [
    "etcd_server_health_failures",
    "etcd_server_health_success",
    "process_cpu_seconds_total",
];

/// Rewrites the comments; samples are alike.
pub fn to_prometheus_text(open_metrics: &str) -> String {
    let mut counters = Vec::new();
    for line in open_metrics.lines() {
        if let Some(name) = line
            .strip_prefix("# TYPE ")
            .and_then(|l| l.strip_suffix(" counter"))
        {
            counters.push(name);
        }
    }
    let mut text = String::with_capacity(open_metrics.len() + counters.len() * 16);
    for line in open_metrics.lines().filter(|line| *line != "# EOF") {
        text.push_str(&rewritten(line, &counters));
        text.push('\n');
    }
    text
}

fn rewritten(line: &str, counters: &[&str]) -> String {
    let mut words = line.splitn(4, ' ');
    let (hash, kind, name) = (words.next(), words.next(), words.next());
    match (hash, kind, name) {
        (Some("#"), Some(kind @ ("HELP" | "TYPE")), Some(name)) if counters.contains(&name) => {
            format!("# {kind} {name}_total {}", words.next().unwrap_or_default())
        }
        (Some("#"), Some("TYPE"), Some(name)) if COUNTERS.contains(&name) => {
            format!("# TYPE {name} counter")
        }
        _ => line.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_keep_their_ending_everywhere() {
        let open = "# HELP a_b Text here.\n# TYPE a_b counter\na_b_total{x=\"1\"} 2\n\
                    # TYPE g gauge\ng 1\n# EOF\n";
        let text = "# HELP a_b_total Text here.\n# TYPE a_b_total counter\n\
                    a_b_total{x=\"1\"} 2\n# TYPE g gauge\ng 1\n";
        assert_eq!(to_prometheus_text(open), text);
    }
}
