//! The first entry of a cluster: which keys have history, and where front ends put theirs.

mod state_rig;

use bytes::Bytes;
use quorate_core::command::{ClusterCommand, Command, RangeOp};
use quorate_core::limits::{FEATURE_LEVEL_FOUNDED, FEATURE_LEVEL_MIN};
use quorate_core::outcome::Refusal;
use quorate_core::state::State;
use quorate_core::types::{KeyRange, Settings};
use state_rig::rig::Rig;
use state_rig::rows::Rows;
use state_rig::{bytes, delete, entry, put, range};

fn found(key_prefix: &str, forgetful: &[&str]) -> Command {
    Command::Cluster(ClusterCommand::Found(Settings {
        key_prefix: key_prefix.into(),
        forgetful: forgetful.iter().map(|prefix| bytes(prefix)).collect(),
    }))
}

/// Nothing was applied.
fn new() -> Rig {
    let state = State::default();
    let rows = Rows::new(&state);
    Rig {
        state,
        rows,
        clock: 0,
    }
}

/// Whether a key that was there at `revision` can be read as it was then.
fn has_history(rig: &Rig, key: &str, revision: i64) -> bool {
    let op = RangeOp {
        revision,
        ..range(KeyRange::Key(bytes(key)))
    };
    match rig.state.range(&op, &rig.rows) {
        Ok(found) => found.count == 1,
        Err(refusal) => {
            assert_eq!(refusal, Refusal::Compacted);
            false
        }
    }
}

fn key_prefix(state: &State) -> Option<&str> {
    state.key_prefix().map(|prefix| &**prefix)
}

#[test]
fn the_first_entry_says_which_keys_have_history() {
    let mut rig = new();
    assert!(!rig.state.is_founded());
    assert_eq!(rig.state.feature_level(), FEATURE_LEVEL_MIN);
    let founding = found("app/", &["app/", "views@"]);
    assert_eq!(founding.feature_level(), FEATURE_LEVEL_FOUNDED);
    rig.apply(founding).outcome.expect("founded");
    assert!(rig.state.is_founded());
    assert_eq!(rig.state.feature_level(), FEATURE_LEVEL_FOUNDED);
    let keys = ["app/0/a", "views@1/a", "redis/0/a", "etcd"];
    for value in ["1", "2"] {
        rig.txn(keys.map(|key| put(key, value)).into());
    }
    let kept = keys.map(|key| has_history(&rig, key, 2));
    assert_eq!(kept, [false, false, true, true]);
    // The second time it changes nothing, and no member forgets it.
    rig.apply(found("other/", &["etcd"])).outcome.expect("done");
    rig.txn(vec![put("etcd", "3"), delete("app/0/a")]);
    assert!(has_history(&rig, "etcd", 3));
    let restored = rig.rows.restore();
    restored.check();
    for state in [&rig.state, &restored] {
        assert_eq!(key_prefix(state), Some("app/"));
        assert!(state.forgetful().holds(b"app/1/b") && !state.forgetful().holds(b"redis/1/b"));
    }
}

#[test]
fn a_cluster_that_an_older_program_founded_keeps_its_prefixes() {
    let mut rig = new();
    rig.apply(Command::Tick).outcome.expect("applied");
    assert!(rig.state.is_founded() && rig.state.key_prefix().is_none());
    for value in ["1", "2"] {
        rig.txn(
            ["redis/0/a", "redis@1/a", "app/0/a"]
                .map(|key| put(key, value))
                .into(),
        );
    }
    rig.apply(found("app/", &["app/"])).outcome.expect("told");
    rig.txn(vec![put("redis/0/a", "3"), put("app/0/a", "3")]);
    let restored = rig.rows.restore();
    for state in [&rig.state, &restored] {
        assert_eq!(
            key_prefix(state),
            Some("app/"),
            "for whoever is started with another"
        );
        let forgetful =
            ["redis/", "redis@", "app/"].map(|key| state.forgetful().holds(key.as_bytes()));
        assert_eq!(forgetful, [true, true, false]);
    }
    assert!(has_history(&rig, "app/0/a", 3) && !has_history(&rig, "redis/0/a", 3));
}

/// Entries that follow in the same one find it founded.
#[test]
fn what_comes_with_the_first_entry_comes_after_it() {
    let mut rig = new();
    let one = state_rig::run(vec![put("app/a", "1")]);
    let two = state_rig::run(vec![put("app/a", "2")]);
    rig.effects_of(&entry(0, vec![found("app/", &["app/"]), one, two]));
    assert_eq!(rig.state.get(b"app/a").expect("put").version, 2);
    assert!(!has_history(&rig, "app/a", 2));
    assert!(rig.rows.versions.is_empty(), "no version of it is kept");
    let other = Bytes::from_static(b"app");
    assert!(!rig.state.forgetful().holds(&other));
}
