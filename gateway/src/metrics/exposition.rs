//! From OpenMetrics, which the metrics library writes, to the older Prometheus text, which etcd's
//! clients read.
//!
//! They differ in counters: OpenMetrics names the family `x` and its samples `x_total`, the older
//! text calls both `x_total`. And some of etcd's counters have no such ending, or are no whole
//! numbers, so those are registered as gauges of the name that etcd gives them, and called
//! counters here.

/// The text's type, as etcd writes it, with each way to write names that a client may ask for. Ours
/// are the same in all of them.
const CONTENT_TYPES: [(&str, &str); 4] = [
    (
        "underscores",
        "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
    ),
    (
        "allow-utf-8",
        "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8",
    ),
    (
        "dots",
        "text/plain; version=0.0.4; charset=utf-8; escaping=dots",
    ),
    (
        "values",
        "text/plain; version=0.0.4; charset=utf-8; escaping=values",
    ),
];

/// The text's versions; asked for by another name a client gets the first.
const VERSIONS: [&str; 2] = ["0.0.4", "1.0.0"];

/// Registered as gauges.
const COUNTERS: [&str; 3] = [
    "etcd_server_health_failures",
    "etcd_server_health_success",
    "process_cpu_seconds_total",
];

/// The type of the text for a client that accepts `accept`: of the ways to write names, the last
/// that it names up to its own wish for text.
pub fn content_type(accept: &str) -> &'static str {
    let mut wishes: Vec<Wish<'_>> = accept.split(',').map(Wish::of).collect();
    wishes.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    let mut chosen = CONTENT_TYPES[0].1;
    for wish in wishes {
        let mut known = CONTENT_TYPES.iter();
        let known = known.find(|(name, _)| Some(*name) == wish.escaping);
        chosen = known.map_or(chosen, |(_, content_type)| content_type);
        if wish.is_text {
            break;
        }
    }
    chosen
}

/// One part of an Accept header.
struct Wish<'a> {
    is_text: bool,
    escaping: Option<&'a str>,
    weight: f64,
}

impl<'a> Wish<'a> {
    fn of(part: &'a str) -> Wish<'a> {
        let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
        let value = |name: &str| {
            let pairs = parameters
                .split(';')
                .filter_map(|pair| pair.split_once('='));
            let mut values = pairs.filter(|(key, _)| key.trim() == name);
            values.next().map(|(_, value)| value.trim())
        };
        let version = value("version");
        Wish {
            is_text: name.trim() == "text/plain"
                && version.is_none_or(|version| VERSIONS.contains(&version)),
            escaping: value("escaping"),
            weight: value("q").and_then(|q| q.parse().ok()).unwrap_or(1.0),
        }
    }
}

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

    /// As etcd 3.7.1 answers.
    #[test]
    fn the_type_says_how_names_are_written() {
        let escaping = |accept| content_type(accept).rsplit_once('=').map(|(_, name)| name);
        for accept in [
            "",
            "*/*",
            "text/plain;version=0.0.4",
            "text/plain;version=1.0.0",
            "text/plain;escaping=nonsense",
            "text/html",
            "text/plain;q=0.9, application/openmetrics-text;escaping=dots;q=0.5",
        ] {
            assert_eq!(escaping(accept), Some("underscores"), "{accept}");
        }
        let openmetrics = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8,\
                           text/plain;q=0.5";
        assert_eq!(escaping(openmetrics), Some("allow-utf-8"));
        assert_eq!(escaping("text/plain; escaping=dots"), Some("dots"));
        assert_eq!(
            content_type(""),
            "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
        );
    }

    #[test]
    fn counters_keep_their_ending_everywhere() {
        let open = "# HELP a_b Text here.\n# TYPE a_b counter\na_b_total{x=\"1\"} 2\n\
                    # TYPE g gauge\ng 1\n# EOF\n";
        let text = "# HELP a_b_total Text here.\n# TYPE a_b_total counter\n\
                    a_b_total{x=\"1\"} 2\n# TYPE g gauge\ng 1\n";
        assert_eq!(to_prometheus_text(open), text);
    }
}
