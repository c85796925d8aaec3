//! Who may know whom. A module that must be deterministic, or must not know a wire format or a
//! library, does not name it: neither in an import nor in a path.

use super::Breach;
use super::rules::has_word;
use super::source::Source;

/// Sources below `within` name none of the `banned` words.
struct Arrow {
    within: &'static [&'static str],
    banned: &'static [&'static str],
    why: &'static str,
}

const ARROWS: &[Arrow] = &[
    Arrow {
        within: &["core/src/state/"],
        banned: &[
            "std::time",
            "Instant",
            "SystemTime",
            "Duration",
            "rand",
            "HashMap",
            "HashSet",
            "DashMap",
            "RandomState",
            "tokio",
            "async",
            "await",
            "openraft",
            "redb",
            "parking_lot",
            "std::fs",
            "std::net",
            "std::io",
            "std::env",
            "std::thread",
            "std::process",
            "println",
            "tracing",
        ],
        why: "State is deterministic: no I/O, time, randomness, threads or hash-map order",
    },
    Arrow {
        within: &["core/src/state/"],
        banned: &[
            "crate::node",
            "crate::raft",
            "crate::peer",
            "crate::log",
            "crate::disk",
            "crate::versions",
        ],
        why: "State knows the nouns and nothing of who applies, stores or sends them",
    },
    Arrow {
        within: &[
            "core/src/codec/",
            "core/src/types.rs",
            "core/src/command.rs",
            "core/src/outcome.rs",
            "core/src/limits.rs",
        ],
        banned: &[
            "tokio",
            "openraft",
            "redb",
            "HashMap",
            "crate::state",
            "crate::node",
            "crate::raft",
            "crate::peer",
            "crate::log",
            "crate::disk",
            "crate::versions",
        ],
        why: "the nouns and their encoding stand below everything",
    },
    Arrow {
        within: &["core/src/disk/", "core/src/log/"],
        banned: &[
            "tokio",
            "openraft",
            "redb",
            "crate::state",
            "crate::node",
            "crate::raft",
            "crate::peer",
            "crate::versions",
            "crate::command",
        ],
        why: "the log is an engine over opaque payloads",
    },
    Arrow {
        within: &["core/src/log/"],
        banned: &["std::fs"],
        why: "the log reaches storage through the disk trait, where a simulator stands in",
    },
    Arrow {
        within: &["core/src/versions/"],
        banned: &[
            "openraft",
            "crate::node",
            "crate::raft",
            "crate::peer",
            "crate::log",
        ],
        why: "the store follows apply and knows neither Raft nor who reads it",
    },
    Arrow {
        within: &["core/src/peer/"],
        banned: &["openraft", "crate::node", "crate::raft", "crate::state"],
        why: "connections know neither what is sent nor who serves it",
    },
    Arrow {
        within: &["core/src/node/", "core/src/peer/"],
        banned: &["redb"],
        why: "only the versions store knows its engine",
    },
    Arrow {
        within: &["core/src/"],
        banned: &[
            "prost",
            "tonic",
            "quorate_proto",
            "axum",
            "hyper",
            "redis_protocol",
            "mlua",
            "serde_json",
            "clap",
        ],
        why: "wire formats and the program's edges stay out of the core",
    },
    Arrow {
        within: &["gateway/src/"],
        banned: &["openraft", "openraft_rt_tokio", "redb"],
        why: "front ends see the core's face only",
    },
    Arrow {
        within: &["gateway/src/etcd/"],
        banned: &["crate::redis", "redis_protocol", "mlua"],
        why: "front ends never know each other",
    },
    Arrow {
        within: &["gateway/src/redis/"],
        banned: &["crate::etcd", "prost", "tonic", "quorate_proto"],
        why: "front ends never know each other",
    },
    Arrow {
        within: &["compat-tests/src/", "compat-tests/tests/"],
        banned: &["quorate_core"],
        why: "the proof sees what a client sees",
    },
];

pub fn breaches(source: &Source) -> Vec<Breach> {
    let mut found = Vec::new();
    for arrow in ARROWS.iter().filter(|arrow| arrow.holds_for(source)) {
        for (line, text) in (1..).zip(tested(source)) {
            for word in arrow.banned.iter().filter(|word| has_word(text, word)) {
                let says = format!("`{word}`: {}", arrow.why);
                let path = source.path.clone();
                found.push(Breach {
                    path,
                    line,
                    rule: "arrow",
                    says,
                });
            }
        }
    }
    found
}

/// Arrows that hold for no source: what they spoke of has moved.
pub fn idle(sources: &[Source]) -> Vec<Breach> {
    let within = ARROWS.iter().flat_map(|arrow| arrow.within);
    let is_idle = |within: &&&str| !sources.iter().any(|s| s.path.starts_with(**within));
    let breach = |within: &&str| Breach {
        path: (*within).to_owned(),
        line: 0,
        rule: "arrow",
        says: "nothing lies here any more".to_owned(),
    };
    within.filter(is_idle).map(breach).collect()
}

impl Arrow {
    fn holds_for(&self, source: &Source) -> bool {
        let inside = self
            .within
            .iter()
            .any(|within| source.path.starts_with(within));
        inside && !source.path.contains("/src/tests/") && !is_inner_test(&source.path)
    }
}

/// `core/src/<module>/tests/…` test their module with whatever they need.
fn is_inner_test(path: &str) -> bool {
    path.contains("/src/") && path.contains("/tests/")
}

/// The code before a file's own tests.
pub fn tested(source: &Source) -> &[String] {
    let tests = source
        .code
        .iter()
        .position(|line| line.trim() == "#[cfg(test)]");
    &source.code[..tests.unwrap_or(source.code.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(path: &str, text: &str) -> usize {
        breaches(&Source::new(path, text)).len()
    }

    #[test]
    fn a_wrong_import_is_seen() {
        assert_eq!(words("core/src/state/a.rs", "use std::time::Instant;\n"), 2);
        assert_eq!(
            words("core/src/state/a.rs", "let a = std::fs::read(b);\n"),
            1
        );
        assert_eq!(
            words("gateway/src/etcd/a.rs", "use crate::redis::Frame;\n"),
            1
        );
        assert_eq!(words("core/src/node/a.rs", "use prost::Message;\n"), 1);
    }

    #[test]
    fn an_arrow_for_nobody_is_seen() {
        let here = Source::new("core/src/state/a.rs", "");
        let idle = idle(&[here]);
        assert!(idle.iter().any(|breach| breach.path == "core/src/log/"));
        assert!(idle.iter().all(|breach| breach.path != "core/src/state/"));
    }

    #[test]
    fn prose_tests_and_others_are_left_alone() {
        assert_eq!(words("core/src/state/a.rs", "// no HashMap here\n"), 0);
        assert_eq!(
            words("core/src/state/a.rs", "#[cfg(test)]\nuse tokio::time;\n"),
            0
        );
        assert_eq!(words("core/src/node/a.rs", "use std::time::Instant;\n"), 0);
        assert_eq!(
            words("core/src/state/a.rs", "self.operand.rand_like()\n"),
            0
        );
    }
}
