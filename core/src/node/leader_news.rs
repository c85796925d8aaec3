//! Who leads, told in the log when it changes, in etcd's words.

use super::core::Core;
use super::window::View;
use crate::types::Term;

#[derive(Default)]
pub(super) struct LeaderNews {
    told: Option<View>,
    /// The last term in which this member is known to have become the leader.
    became: Term,
}

impl LeaderNews {
    pub(super) fn tell(&mut self, core: &Core) {
        let known = core.followed();
        let own = core.header.member;
        if let Some(View { term, .. }) = known.filter(|view| view.leader == own)
            && term > self.became
        {
            self.became = term;
            tracing::info!(target: "raft", "{own:x} became leader at term {term}");
        }
        if let Some(news) = news(self.told, known) {
            tracing::info!(target: "raft", "raft.node: {own:x} {news}");
        }
        self.told = known;
    }
}

/// What has changed, if something has.
fn news(before: Option<View>, now: Option<View>) -> Option<String> {
    match (before, now) {
        (Some(View { leader, term }), None) => {
            Some(format!("lost leader {leader:x} at term {term}"))
        }
        (Some(before), Some(now)) if before.leader != now.leader => Some(format!(
            "changed leader from {:x} to {:x} at term {}",
            before.leader, now.leader, now.term
        )),
        (before, Some(View { leader, term })) if before != now => {
            Some(format!("elected leader {leader:x} at term {term}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_in_etcds_words() {
        let led = |leader, term| Some(View { term, leader });
        let told = |before, now| news(before, now).unwrap_or_default();
        let by_a = led(0xa1, 2);
        assert_eq!(told(None, by_a), "elected leader a1 at term 2");
        assert_eq!(told(by_a, led(0xa1, 3)), "elected leader a1 at term 3");
        assert_eq!(told(by_a, None), "lost leader a1 at term 2");
        let changed = "changed leader from a1 to b2 at term 3";
        assert_eq!(told(by_a, led(0xb2, 3)), changed);
        assert_eq!(news(by_a, by_a), None);
        assert_eq!(news(None, None), None);
    }
}
