//! The configuration file: etcd's keys, which are its flags' names but for a few that stand in
//! blocks, in YAML or JSON.
//!
//! As in etcd, durations are whole nanoseconds, an empty value is none, and letters of keys may be
//! large or small. Unlike etcd, which passes over keys that it doesn't know, each is told.

use yaml_rust2::{Yaml, YamlLoader, yaml};

use super::catalogue;
use super::flags::OWN;
use super::given::{Given, Source};
use super::values::Kind;

/// Blocks: their key, and the names in them with the flags they stand for. A name that isn't here
/// stands for itself behind the prefix.
struct Block {
    key: &'static str,
    prefix: &'static str,
    names: &'static [(&'static str, &'static str)],
}

const BLOCKS: [Block; 4] = [
    Block {
        key: "client-transport-security",
        prefix: "",
        names: &[("allowed-hostname", "client-cert-allowed-hostname")],
    },
    Block {
        key: "peer-transport-security",
        prefix: "peer-",
        names: &[
            ("allowed-cn", "peer-cert-allowed-cn"),
            ("allowed-hostname", "peer-cert-allowed-hostname"),
            (
                "skip-client-san-verification",
                "peer-skip-client-san-verification",
            ),
        ],
    },
    Block {
        key: "socket-options",
        prefix: "socket-",
        names: &[],
    },
    Block {
        key: "discovery-config",
        prefix: "discovery-",
        names: &[],
    },
];

/// What a file says, and the keys that nobody knows.
pub type Read = (Vec<Given>, Vec<String>);

/// Reads the file at a path.
///
/// # Errors
/// One message for the operator, with the path.
pub fn read(path: &str) -> Result<Read, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the configuration file {path} can't be read: {error}"))?;
    parse(&text).map_err(|why| format!("the configuration file {path}: {why}"))
}

fn parse(text: &str) -> Result<Read, String> {
    let documents = YamlLoader::load_from_str(text).map_err(|error| error.to_string())?;
    let mut read = Read::default();
    match documents.first() {
        None | Some(Yaml::Null) => {}
        Some(Yaml::Hash(entries)) => top(entries, &mut read)?,
        Some(_) => return Err("it is not a list of `key: value`".to_string()),
    }
    Ok(read)
}

fn top(entries: &yaml::Hash, read: &mut Read) -> Result<(), String> {
    for (key, value) in entries {
        let key = name(key)?;
        let Some(block) = BLOCKS.iter().find(|block| block.key == key) else {
            entry(&key, &key, value, read)?;
            continue;
        };
        match value {
            Yaml::Hash(inner) => within(block, inner, read)?,
            Yaml::Null => {}
            _ => return Err(format!("invalid {key}: it is not a list of `key: value`")),
        }
    }
    Ok(())
}

fn within(block: &Block, entries: &yaml::Hash, read: &mut Read) -> Result<(), String> {
    for (key, value) in entries {
        let key = name(key)?;
        let known = block.names.iter().find(|(name, _)| *name == key);
        let flag = match known {
            Some((_, flag)) => flag.to_string(),
            None => format!("{}{key}", block.prefix),
        };
        entry(&format!("{}.{key}", block.key), &flag, value, read)?;
    }
    Ok(())
}

fn entry(key: &str, flag: &str, value: &Yaml, read: &mut Read) -> Result<(), String> {
    let kind = match catalogue::find(flag) {
        Some(row) => row.kind,
        None if OWN.contains(&flag) => Kind::Text,
        None => {
            read.1.push(key.to_string());
            return Ok(());
        }
    };
    let value = written(kind, value).ok_or_else(|| format!("{key}: {}", wanted(kind)))?;
    if !value.is_empty() {
        read.0.push(Given {
            flag: flag.to_string(),
            value,
            source: Source::File,
        });
    }
    Ok(())
}

fn name(key: &Yaml) -> Result<String, String> {
    let key = scalar(key).ok_or("a key is not a word")?;
    Ok(key.to_ascii_lowercase())
}

/// The value as it would stand behind its flag; empty for none.
fn written(kind: Kind, value: &Yaml) -> Option<String> {
    match (kind, value) {
        (_, Yaml::Null) => Some(String::new()),
        (_, Yaml::String(text)) if text.is_empty() => Some(String::new()),
        (Kind::Integer, Yaml::Integer(number)) => Some(number.to_string()),
        (Kind::Duration, Yaml::Integer(nanoseconds)) => Some(format!("{nanoseconds}ns")),
        (Kind::Integer | Kind::Duration, _) => None,
        (Kind::Bool, Yaml::Boolean(truth)) => Some(truth.to_string()),
        // YAML 1.1, which Go reads, has more words for it.
        (Kind::Bool, Yaml::String(word)) => match word.to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" => Some("true".to_string()),
            "no" | "off" | "n" => Some("false".to_string()),
            _ => None,
        },
        (Kind::Bool, _) => None,
        (Kind::List, Yaml::Array(words)) => {
            let words = words.iter().map(scalar).collect::<Option<Vec<_>>>()?;
            Some(words.join(","))
        }
        (Kind::Text | Kind::List, value) => scalar(value),
    }
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "write true or false",
        Kind::Integer => "write a whole number, without quotes",
        Kind::Duration => "write nanoseconds as a whole number, like 600000000000 for 10m",
        Kind::Text => "write a text",
        Kind::List => "write a list of texts",
    }
}

fn scalar(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) | Yaml::Real(text) => Some(text.clone()),
        Yaml::Integer(number) => Some(number.to_string()),
        Yaml::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(text: &str) -> Vec<String> {
        let (given, _) = parse(text).expect("parsed");
        let shown = given
            .iter()
            .map(|one| format!("{}={}", one.flag, one.value));
        shown.collect()
    }

    #[test]
    fn etcds_keys_become_flags() {
        let text = "name: m1\nSnapshot-Count: 5\nwatch-progress-notify-interval: 5000000000\n\
                    pre-vote: yes\nlog-outputs: [stderr, stdout]\nwal-dir:\ncors: ''\n\
                    auto-compaction-retention: 1\n";
        assert_eq!(
            flags(text),
            [
                "name=m1",
                "snapshot-count=5",
                "watch-progress-notify-interval=5000000000ns",
                "pre-vote=true",
                "log-outputs=stderr,stdout",
                "auto-compaction-retention=1",
            ]
        );
        assert_eq!(flags("{\"name\": \"m1\"}"), ["name=m1"]);
        assert!(flags("").is_empty());
    }

    #[test]
    fn blocks_are_flags_too() {
        let text = "client-transport-security:\n  cert-file: a\n  client-cert-auth: true\n\
                    peer-transport-security:\n  cert-file: b\n  allowed-cn: [c]\n\
                    socket-options:\n  reuse-port: true\n";
        assert_eq!(
            flags(text),
            [
                "cert-file=a",
                "client-cert-auth=true",
                "peer-cert-file=b",
                "peer-cert-allowed-cn=c",
                "socket-reuse-port=true",
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_told() {
        let (_, unknown) = parse("no-such: 1\npeer-transport-security: {x: 1}").expect("parsed");
        assert_eq!(unknown, ["no-such", "peer-transport-security.x"]);
        for (text, told) in [
            ("- a", "not a list"),
            ("watch-progress-notify-interval: 10m", "nanoseconds"),
            ("snapshot-count: \"5\"", "whole number"),
            (
                "peer-transport-security: 1",
                "invalid peer-transport-security",
            ),
            ("a: [", "1"),
        ] {
            let why = parse(text).expect_err("refused");
            assert!(why.contains(told), "{why}");
        }
    }
}
