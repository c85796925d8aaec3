//! What holds at every instant of a run, looked at now and then.

use std::collections::BTreeMap;

use quorate_core::node::{Node, Status};
use quorate_core::types::{Index, Revision, Term};

use crate::network::MemberNumber;

/// A member since its latest start: its number, and how often it was started.
type Start = (MemberNumber, u64);

/// What was seen so far.
#[derive(Default)]
pub struct Invariants {
    digests: BTreeMap<Index, (u64, MemberNumber)>,
    leaders: BTreeMap<Term, MemberNumber>,
    revisions: BTreeMap<Start, Revision>,
}

impl Invariants {
    /// Members that have applied the same entries are the same, a term has one leader, and a
    /// member's revision never goes back while it runs.
    ///
    /// # Errors
    /// What does not hold.
    pub fn look(
        &mut self,
        start: Start,
        node: &Node,
        status: Option<Status>,
    ) -> Result<(), String> {
        let (number, _) = start;
        let index = node.local_barrier().index;
        let (digest, revision) = node.read(|state| {
            state.check();
            (state.digest(), state.revision())
        });
        let (known, by) = *self.digests.entry(index).or_insert((digest, number));
        if known != digest {
            return Err(format!("at index {index} members {by} and {number} differ"));
        }
        let before = self.revisions.insert(start, revision).unwrap_or_default();
        if revision < before {
            return Err(format!(
                "member {number} went from revision {before} to {revision}"
            ));
        }
        if let Some(status) = status.filter(|status| status.leader == Some(status.member)) {
            let leader = *self.leaders.entry(status.term).or_insert(number);
            if leader != number {
                let term = status.term;
                return Err(format!(
                    "term {term} has two leaders, {leader} and {number}"
                ));
            }
        }
        Ok(())
    }
}
