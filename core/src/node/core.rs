//! What a running member is made of, shared by its tasks.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use openraft::async_runtime::WatchReceiver;
use parking_lot::Mutex;
use tokio::sync::{Notify, SetOnce, oneshot};
use tokio::time::Instant;

use super::barriers::Barriers;
use super::counts::Proposals;
use super::inbox;
use super::inflow::Inflow;
use super::machine::Raft;
use super::pulse::{Pulse, Voters};
use super::queue::{Claim, Queue, Submission};
use super::replica::Replica;
use super::window::{View, Window};
use crate::command::{Command, EntryHeader, Proposal};
use crate::log::LogMetrics;
use crate::outcome::{NodeError, Reply};
use crate::peer::Link;
use crate::raft::{PeerNetwork, RaftMetrics, RaftServerMetrics, Vote};
use crate::state::read_past;
use crate::types::{MemberId, Principal, Stamp, Term};
use crate::versions::Versions;

/// How often a store that is behind is looked at.
const STORE_POLL: Duration = Duration::from_millis(5);

/// Where proposals go now.
pub(crate) enum Route {
    /// This member leads, and its clock runs.
    Here(Stamp),
    To(View),
    Nowhere,
}

pub(crate) struct Core {
    /// What every entry of this member carries; the stamp and the feature level, that of the
    /// cluster, are set when it is proposed.
    pub(crate) header: EntryHeader,
    pub(crate) raft: Raft,
    /// What Raft says of itself. Each read of it asks: a receiver of our own need not be made then.
    pub(crate) metrics: RaftMetrics,
    /// Of that what tells who leads: changes seldom.
    pub(crate) leaders: RaftServerMetrics,
    pub(crate) replica: Arc<Replica>,
    pub(crate) queue: Queue,
    /// What begins with one of these is written by programs, and waits while somebody has a turn.
    pub(super) turn_prefixes: Vec<Bytes>,
    pub(crate) inflow: Inflow,
    pub(crate) barriers: Barriers,
    pub(crate) network: PeerNetwork,
    pub(crate) pulse: Pulse,
    /// Leadership is being handed over: nothing is proposed.
    pub(super) handing_over: AtomicBool,
    /// Set once the cluster knows this member, and this member its leader.
    pub(super) joined: SetOnce<()>,
    pub(super) proposals: Proposals,
    pub(super) log: Arc<LogMetrics>,
    /// Rung by who waits for lives that are due to be ended.
    pub(crate) ends_wanted: Notify,
    /// Connections for forwarding, by member.
    pub(super) links: Mutex<HashMap<MemberId, Link>>,
}

impl Core {
    pub(crate) fn window(&self) -> &Window {
        &self.replica.window
    }

    pub(crate) fn versions(&self) -> &Versions {
        &self.replica.versions
    }

    /// Who leads, as far as this member knows; it may be gone.
    pub(crate) fn view(&self) -> Option<View> {
        let vote = self.leaders.borrow_watched().vote;
        let (term, leader) = (vote.leader_id.term, vote.leader_id.voted_for);
        vote.committed.then_some(View { term, leader })
    }

    /// Where a proposal goes now. This member is a leader for us once the blank entry of its term
    /// is applied here, so that its clock runs and its reads are not stale. One that is not heard
    /// is sent nothing: of what waits here it is certain that it was not proposed.
    pub(crate) fn route(&self) -> Route {
        let Some(view) = self.view().filter(|_| self.pulse.lease_holds()) else {
            return Route::Nowhere;
        };
        if view.leader != self.header.member {
            return Route::To(view);
        }
        let takes = !self.handing_over.load(Ordering::SeqCst);
        match self.replica.clock.stamp(view.term) {
            Some(stamp) if takes => Route::Here(stamp),
            _ => Route::Nowhere,
        }
    }

    /// The term in which this member leads, as far as it knows. Having led before a restart, which
    /// its vote still says, does not count.
    pub(super) fn leads_in(&self) -> Option<Term> {
        let leaders = self.leaders.borrow_watched();
        let leads = leaders.state.is_leader();
        leads.then_some(leaders.vote.leader_id.term)
    }

    /// The leader as Raft last knew it; it may be gone.
    fn last_leader(&self) -> Option<MemberId> {
        self.metrics.borrow_watched().current_leader
    }

    /// The leader: a leader is heard by its majority, a follower hears it. None before this process
    /// has heard one, and once that was too long ago.
    pub(crate) fn leader(&self) -> Option<MemberId> {
        let leader = self.last_leader()?;
        self.pulse.silence()?;
        (!self.pulse.is_leaderless()).then_some(leader)
    }

    /// Who is known to lead, and in which term.
    pub(super) fn followed(&self) -> Option<View> {
        let leader = self.leader()?;
        self.view().filter(|view| view.leader == leader)
    }

    /// Answers what waits for a leader and was certainly not proposed.
    pub(super) fn refuse_waiting(&self) {
        self.queue.refuse_all(&NodeError::NoLeader);
        self.window().refuse_unsent(&NodeError::NoLeader);
    }

    /// A beat has come. That of the leader who is followed already counts at once: its answer waits
    /// for what this member's disk is at.
    pub(crate) fn hear_beat(&self, vote: &Vote, slack: Duration) {
        let followed = self.leaders.borrow_watched().vote;
        if *vote == followed {
            self.pulse.hear_leader();
            self.pulse.hear_slack(slack);
        }
    }

    /// Whose votes count.
    pub(super) fn voters(&self) -> Voters {
        let membership = self.metrics.borrow_watched().membership_config.clone();
        membership.membership().get_joint_config().clone()
    }

    pub(super) fn is_voter(&self) -> bool {
        let own = &self.header.member;
        self.voters().iter().any(|voters| voters.contains(own))
    }

    /// Every member but this one.
    pub(super) fn others(&self) -> Vec<MemberId> {
        let membership = self.metrics.borrow_watched().membership_config.clone();
        let members = membership.nodes().map(|(member, _)| *member);
        members
            .filter(|member| *member != self.header.member)
            .collect()
    }

    /// Whether this member is a majority by itself.
    pub(crate) fn is_sole_voter(&self) -> bool {
        let voters = self.voters();
        let is_own =
            |voters: &BTreeSet<MemberId>| voters.len() == 1 && voters.contains(&self.header.member);
        !voters.is_empty() && voters.iter().all(is_own)
    }

    /// A connection to a member of the cluster; none if it is not one.
    pub(crate) fn link_to(&self, member: MemberId) -> Option<Link> {
        let mut links = self.links.lock();
        if let Some(link) = links.get(&member) {
            return Some(link.clone());
        }
        let metrics = self.metrics.borrow_watched().membership_config.clone();
        let link = self.network.link(member, metrics.get_node(&member)?);
        links.insert(member, link.clone());
        Some(link)
    }

    /// As `link_to`, for beats and what comes before an election.
    pub(super) fn election_link(&self, member: MemberId) -> Option<Link> {
        let metrics = self.metrics.borrow_watched().membership_config.clone();
        let peer = metrics.get_node(&member)?;
        Some(self.network.election_link(member, peer))
    }

    /// Holds proposals back while the store is far behind, before apply itself has to wait for it.
    pub(super) async fn wait_for_store(&self) {
        while self.versions().lag().is_high {
            tokio::time::sleep(STORE_POLL).await;
        }
    }

    /// Puts a command through the log.
    pub(crate) async fn submit(
        &self,
        principal: Principal,
        command: Command,
        deadline: Instant,
    ) -> Result<Reply, NodeError> {
        if deadline <= Instant::now() {
            return Err(NodeError::Timeout);
        }
        let (answer, receiver) = inbox::channel();
        let claim = Arc::new(Claim::default());
        let (size, part) = (command.size_hint(), command.part(&self.turn_prefixes));
        let proposal = Proposal { principal, command };
        let submission = Submission {
            proposal,
            size,
            part,
            claim: claim.clone(),
            answer,
            deadline,
        };
        let pending = self.proposals.begin();
        let result = match self.queue.push(submission) {
            Ok(()) => self.answered(receiver, &claim, deadline).await,
            Err(error) => Err(error),
        };
        pending.ended(&result);
        result
    }

    async fn answered(
        &self,
        receiver: oneshot::Receiver<Result<Reply, NodeError>>,
        claim: &Claim,
        deadline: Instant,
    ) -> Result<Reply, NodeError> {
        match tokio::time::timeout_at(deadline, receiver).await {
            Ok(Ok(Ok(reply))) => self.complete(reply).await,
            Ok(Ok(Err(error))) => Err(error),
            // The answer was dropped on its way: nobody knows.
            Ok(Err(_)) => Err(NodeError::Unknown),
            Err(_) if claim.give_up() => Err(self.in_vain()),
            Err(_) => Err(NodeError::Unknown),
        }
    }

    /// Why something has waited past its deadline.
    pub(super) fn in_vain(&self) -> NodeError {
        match self.leader() {
            Some(_) => NodeError::Timeout,
            None => NodeError::NoLeader,
        }
    }

    /// Reads what the answer lacks, which may be on a disk.
    async fn complete(&self, mut reply: Reply) -> Result<Reply, NodeError> {
        if reply.applied.past.is_empty() {
            return Ok(reply);
        }
        let versions = self.versions().clone();
        let reading = move || {
            read_past(&mut reply.applied, &versions);
            reply
        };
        let read = self.versions().off_thread(reading).await;
        read.map_err(|_| NodeError::Unknown)
    }
}
