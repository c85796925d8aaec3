//! A leader that is told to stop hands its leadership over first, so that writes stand still for a
//! moment and not for an election's time. What waits meanwhile goes to the new leader; what was
//! forwarded there is answered before the member ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use openraft::async_runtime::WatchReceiver;
use tokio::time::{Instant, timeout_at};

use super::core::Core;
use crate::types::MemberId;

/// What all of it may take: somebody who stops a service waits for it.
const HAND_OVER_MAX: Duration = Duration::from_secs(2);
/// What is under way may take so long to be answered, once nothing more is taken.
const ANSWERS_MAX: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(2);

impl Core {
    /// Takes leave: afterwards this member leads nobody, if somebody else can, and nothing that
    /// it was asked is under way, if it could be answered in time.
    pub(super) async fn take_leave(self: &Arc<Self>) {
        let deadline = Instant::now() + HAND_OVER_MAX;
        if self.leads_in().is_some() && !self.is_sole_voter() {
            self.handing_over.store(true, Ordering::SeqCst);
            if timeout_at(deadline, self.hand_over(deadline))
                .await
                .is_err()
            {
                tracing::warn!(target: "raft", "nobody took over the leadership in time");
            }
            // What waited in the queue leaves for the new leader.
            until(deadline, || self.queue.is_empty()).await;
        }
        self.queue.close();
        until(Instant::now() + ANSWERS_MAX, || {
            self.proposals.pending() == 0
        })
        .await;
    }

    async fn hand_over(&self, deadline: Instant) {
        let (mut metrics, mut leaders) = (self.raft.metrics(), self.leaders.clone());
        // No entry is begun any more: what was begun is answered by this member.
        let is_settled = metrics.wait_until(|metrics| {
            metrics.last_applied.map(|id| id.index()) >= metrics.last_log_index
        });
        drop(timeout_at(deadline, is_settled).await);
        for member in self.successors() {
            tracing::info!(
                target: "raft",
                to = format!("{member:x}"),
                "handing the leadership over"
            );
            drop(self.raft.trigger().transfer_leader(member).await);
            let own = self.header.member;
            let is_led = leaders.wait_until(|server| {
                server.vote.committed && server.vote.leader_id.voted_for != own
            });
            let patience = Instant::now() + self.pulse.election_timeout();
            if timeout_at(patience, is_led).await.is_ok() {
                return;
            }
        }
    }

    /// Those who can take over, the one with the most entries first.
    fn successors(&self) -> Vec<MemberId> {
        let metrics = self.metrics.borrow_watched().clone();
        let reached = metrics.replication.unwrap_or_default();
        let mut voters: Vec<MemberId> = metrics.membership_config.voter_ids().collect();
        voters.retain(|member| *member != self.header.member);
        voters.sort_by_key(|member| std::cmp::Reverse(reached.get(member).cloned().flatten()));
        voters
    }
}

async fn until(deadline: Instant, done: impl Fn() -> bool) {
    while !done() && Instant::now() < deadline {
        tokio::time::sleep(POLL).await;
    }
}
