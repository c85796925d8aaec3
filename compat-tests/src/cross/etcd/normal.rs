//! What two servers that do the same may still say differently: the one table, a reason a row.
//! Everything that no row names is compared exactly.

use std::collections::BTreeMap;

use super::flat::{self, Line};

/// How the values of a field are held against each other. Absent against present always differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// One value of theirs stands for one of ours, all through a run.
    Id,
    /// Any value will do.
    Presence,
    /// Equal but for the port.
    Address,
    /// Numbers at most this far apart.
    Within(i64),
    /// Elements of a list, which are put in order first.
    AnyOrder,
}

/// Method (`*` for all), field, rule, reason.
type Row = (&'static str, &'static str, Rule, &'static str);

const TABLE: &[Row] = &[
    (
        "*",
        "header.cluster_id",
        Rule::Id,
        "derived from the members' URLs, which have other ports",
    ),
    (
        "*",
        "header.member_id",
        Rule::Id,
        "derived from the members' URLs, which have other ports",
    ),
    (
        "*",
        "header.raft_term",
        Rule::Presence,
        "how many elections there were depends on time",
    ),
    (
        "Cluster/MemberList",
        "members[].ID",
        Rule::Id,
        "derived from the members' URLs, which have other ports",
    ),
    (
        "Cluster/MemberList",
        "members[].peerURLs[]",
        Rule::Address,
        "the two servers can't have one port",
    ),
    (
        "Cluster/MemberList",
        "members[].clientURLs[]",
        Rule::Address,
        "the two servers can't have one port",
    ),
    (
        "Cluster/MemberList of several",
        "members[].ID",
        Rule::Presence,
        "members are told by their ids, which follow from their URLs",
    ),
    (
        "Cluster/MemberList of several",
        "members[].name",
        Rule::AnyOrder,
        "members are told by their ids, which follow from their URLs",
    ),
    (
        "Cluster/MemberList of several",
        "members[].peerURLs[]",
        Rule::Address,
        "the two servers can't have one port",
    ),
    (
        "Cluster/MemberList of several",
        "members[].clientURLs[]",
        Rule::Address,
        "the two servers can't have one port",
    ),
    (
        "Maintenance/Status",
        "leader",
        Rule::Presence,
        "a member's id, and which of several leads is chance",
    ),
    (
        "Maintenance/Status",
        "raftTerm",
        Rule::Presence,
        "how many elections there were depends on time",
    ),
    (
        "Maintenance/Status",
        "raftIndex",
        Rule::Presence,
        "how many entries the log holds is no promise",
    ),
    (
        "Maintenance/Status",
        "raftAppliedIndex",
        Rule::Presence,
        "how many entries the log holds is no promise",
    ),
    (
        "Maintenance/Status",
        "dbSize",
        Rule::Presence,
        "the stores are laid out otherwise",
    ),
    (
        "Maintenance/Status",
        "dbSizeInUse",
        Rule::Presence,
        "the stores are laid out otherwise",
    ),
    (
        "Maintenance/Status",
        "storageVersion",
        Rule::Presence,
        "etcd raises it from 3.5 to its own some seconds after it is ready",
    ),
    (
        "Maintenance/Hash",
        "hash",
        Rule::Presence,
        "over the whole database file with its member ids: two real servers differ, too",
    ),
    (
        "Lease/LeaseLeases of several",
        "leases[].ID",
        Rule::AnyOrder,
        "an etcd that does not lead does not know when leases end, and has no order",
    ),
    (
        "Lease/LeaseTimeToLive",
        "keys[]",
        Rule::AnyOrder,
        "etcd tells them in the random order of a Go map",
    ),
    (
        "Lease/LeaseTimeToLive",
        "TTL",
        Rule::Within(2),
        "seconds that are left, and the servers were not asked at one instant",
    ),
    (
        "Lease/LeaseGrant without ID",
        "ID",
        Rule::Id,
        "drawn by the server",
    ),
];

/// Which id of theirs is which of ours.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    ours_of: BTreeMap<String, String>,
    theirs_of: BTreeMap<String, String>,
}

impl Ids {
    fn agree(&mut self, theirs: &str, ours: &str) -> bool {
        let (own, other) = (theirs.to_owned(), ours.to_owned());
        let known_ours = self.ours_of.entry(own.clone()).or_insert(other.clone());
        let known_theirs = self.theirs_of.entry(other).or_insert(own);
        known_ours == ours && known_theirs == theirs
    }
}

/// Whether the two values of the field at `path` (without indexes) of an answer to `method` mean
/// the same.
pub fn agree(ids: &mut Ids, method: &str, path: &str, theirs: &str, ours: &str) -> bool {
    match rule(method, path) {
        None | Some(Rule::AnyOrder) => theirs == ours,
        Some(Rule::Id) => ids.agree(theirs, ours),
        Some(Rule::Presence) => true,
        Some(Rule::Address) => without_port(theirs) == without_port(ours),
        Some(Rule::Within(most)) => match (theirs.parse::<i64>(), ours.parse::<i64>()) {
            // What is gone is -1, whatever time it is.
            (Ok(theirs), Ok(ours)) if theirs.min(ours) >= 0 => theirs.abs_diff(ours) <= most as u64,
            _ => theirs == ours,
        },
    }
}

/// Puts the lists of an answer to `method` in order that have none.
pub fn sort(method: &str, lines: &mut [Line]) {
    let any_order =
        |line: &&mut Line| rule(method, &flat::without_indexes(&line.0)) == Some(Rule::AnyOrder);
    let mut values: Vec<&mut String> = lines
        .iter_mut()
        .filter(any_order)
        .map(|line| &mut line.1)
        .collect();
    let mut sorted: Vec<String> = values.iter().map(|value| value.to_string()).collect();
    sorted.sort();
    for (value, sorted) in values.iter_mut().zip(sorted) {
        **value = sorted;
    }
}

/// The rule of a field; a stream's answers hold those of the call they are a stream of.
fn rule(method: &str, path: &str) -> Option<Rule> {
    let path = path.trim_start_matches("range_response.");
    let is_meant = |row: &&Row| (row.0 == "*" || row.0 == method) && row.1 == path;
    TABLE.iter().find(is_meant).map(|row| row.2)
}

fn without_port(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_theirs_is_always_the_same_of_ours() {
        let mut ids = Ids::default();
        let mut same = |theirs: &str, ours: &str| {
            agree(&mut ids, "KV/Range", "header.member_id", theirs, ours)
        };
        assert!(same("1", "7"));
        assert!(same("1", "7"));
        assert!(!same("1", "8"));
        assert!(!same("2", "7"));
    }

    #[test]
    fn what_no_row_names_is_exact() {
        let mut ids = Ids::default();
        let mut same = |method: &str, path: &str, theirs: &str, ours: &str| {
            agree(&mut ids, method, path, theirs, ours)
        };
        assert!(!same("KV/Range", "count", "1", "2"));
        assert!(same("Lease/LeaseTimeToLive", "TTL", "10", "9"));
        assert!(!same("Lease/LeaseTimeToLive", "TTL", "10", "7"));
        assert!(!same("Lease/LeaseTimeToLive", "TTL", "-1", "0"));
        assert!(!same("Lease/LeaseKeepAlive", "TTL", "10", "9"));
    }
}
