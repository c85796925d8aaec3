//! Whose lines are seen at which level.

use tracing::Level;
use tracing_subscriber::filter::Targets;

/// Our own crates, and what they name otherwise.
const OWN: [&str; 6] = [
    "quorate",
    "quorate_core",
    "peer",
    "raft",
    "script",
    "versions",
];

/// What is our own at the level asked for. Libraries warn of what clients and links do, a line for
/// each time and in their own terms; what an operator has to know of it we say ourselves. So they
/// are heard from errors on (debug: all of them but their own details).
pub fn targets(level: Level) -> Targets {
    let others = match level {
        Level::DEBUG => Level::INFO,
        _ => Level::ERROR,
    };
    let own = OWN.into_iter().map(|target| (target, level));
    Targets::new().with_default(others).with_targets(own)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The targets that are named in the sources of a package.
    fn named_in(directory: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).expect("sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                named_in(&path, found);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a text");
            let named = text.split("target: \"").skip(1);
            found.extend(
                named
                    .filter_map(|rest| rest.split_once('"'))
                    .map(|(name, _)| name.into()),
            );
        }
    }

    #[test]
    fn whatever_is_our_own_is_seen_at_the_level_asked_for() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut named = vec![
            "quorate::serve".to_string(),
            "quorate_core::node".to_string(),
        ];
        named_in(&package.join("src/redis"), &mut named);
        named_in(&package.join("../core/src"), &mut named);
        assert!(named.iter().any(|target| target == "script"), "{named:?}");
        for target in named {
            for level in [Level::DEBUG, Level::INFO, Level::WARN] {
                let targets = targets(level);
                assert!(targets.would_enable(&target, &level), "{target} at {level}");
            }
            assert!(!targets(Level::INFO).would_enable(&target, &Level::DEBUG));
        }
        assert!(!targets(Level::INFO).would_enable("openraft", &Level::WARN));
        assert!(targets(Level::WARN).would_enable("openraft", &Level::ERROR));
    }
}
