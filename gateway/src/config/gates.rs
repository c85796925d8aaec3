//! `--feature-gates`: etcd's gates, in etcd's form, `Name=true` with commas between.

use super::values::{Kind, checked};

/// What becomes of a gate that is switched on (or, where etcd's default is on, left on).
enum Gate {
    /// Quorate does so, or has no use for it.
    Indifferent,
    /// Does nothing yet, and its lack makes nothing wrong: told.
    Later(&'static str),
    /// Can't be had.
    Missing(&'static str),
}

const COMPARING: &str = "members don't compare their data with each other yet; compare \
                         `etcdctl endpoint hashkv`";

const GATES: [(&str, Gate); 11] = [
    (
        "AllAlpha",
        Gate::Missing("not all of its gates can be honoured; name them"),
    ),
    ("AllBeta", Gate::Indifferent),
    ("CompactHashCheck", Gate::Later(COMPARING)),
    ("FastLeaseKeepAlive", Gate::Indifferent),
    ("InitialCorruptCheck", Gate::Later(COMPARING)),
    ("LeaseCheckpoint", Gate::Indifferent),
    ("LeaseCheckpointPersist", Gate::Indifferent),
    ("PriorityRequest", Gate::Indifferent),
    (
        "SetMemberLocalAddr",
        Gate::Missing("the system chooses the local address; remove the gate"),
    ),
    ("StopGRPCServiceOnDefrag", Gate::Indifferent),
    ("TxnModeWriteWithSharedBuffer", Gate::Indifferent),
];

/// What the operator is to be told of the gates.
///
/// # Errors
/// etcd's own, and the gates that can't be honoured.
pub fn judge(text: &str) -> Result<Vec<String>, String> {
    let mut warnings = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (name, value) = (name.trim(), value.trim());
        if !part.contains('=') {
            return Err(format!("missing bool value for {name}"));
        }
        let told = |why| format!("invalid value of {name}={value}: {why}");
        let is_on = checked(Kind::Bool, value).map_err(told)? == "true";
        match GATES.iter().find(|(gate, _)| *gate == name) {
            None => return Err(format!("unrecognized feature gate: {name}")),
            Some((_, Gate::Missing(why))) if is_on => {
                return Err(format!("the gate {name} can't be honoured: {why}"));
            }
            Some((_, Gate::Indifferent)) => {
                warnings.push(format!("the feature gate {name} has no effect"));
            }
            Some((_, Gate::Later(why))) if is_on => {
                warnings.push(format!("the feature gate {name} has no effect: {why}"));
            }
            Some(_) => {}
        }
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_judged_one_by_one() {
        let told = judge("LeaseCheckpoint=true,InitialCorruptCheck=false").expect("taken");
        assert_eq!(told, ["the feature gate LeaseCheckpoint has no effect"]);
        // etcd's own tests switch these on everywhere.
        let told = judge("InitialCorruptCheck=true,CompactHashCheck=true").expect("taken");
        assert!(
            told.len() == 2 && told.iter().all(|told| told.contains("hashkv")),
            "{told:?}"
        );
        for wrong in ["AllAlpha=1", "Nope=true", "AllBeta", "AllBeta=x"] {
            assert!(judge(wrong).is_err(), "{wrong}");
        }
    }
}
