//! Who leads, and for how long: beats of a leader, elections when it is silent, and what this
//! member says to the elections of others. openraft keeps the votes and the terms; its own timers
//! are off, since they know one fixed time for everything and nothing of distances.
//!
//! A beat is an append without entries. Several are under way at once, so members that are far
//! apart hear a leader as often as near ones.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use openraft::async_runtime::WatchReceiver;
use openraft::raft::AppendEntriesRequest;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::core::Core;
use super::pulse::{Beat, Pulse, Voters};
use crate::peer::Kind;
use crate::raft::{LogId, TypeConfig, Vote, VoteRequest, VoteResponse, wire};
use crate::types::{MemberId, Term, UnixMillis};

/// How often the timers are looked at.
const TICK: Duration = Duration::from_millis(25);
/// The most that counts as heard silence between two looks.
const STEP_MAX: Duration = Duration::from_millis(50);
/// A beat that has no answer by then is not waited for.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How long those who are asked for a vote have; a connection may have to be opened first.
const CAMPAIGN_MAX: Duration = Duration::from_secs(5);
/// How long the others are waited for once one has refused, beyond their distance.
const REFUSED_WAIT: Duration = Duration::from_millis(100);
/// Wall clocks that differ by more are told.
const WALLS_DIFFER_MAX_MS: u64 = 1_000;
/// How often it is told that the timers, or the wall clocks, don't fit.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// Runs until the node stops.
pub(crate) async fn run(core: Arc<Core>) {
    let mut server = core.leaders.clone();
    let mut elector = Elector::new(core);
    let (mut looked, mut next) = (Instant::now(), Instant::now() + TICK);
    loop {
        let is_tick = tokio::select! {
            () = tokio::time::sleep_until(next) => true,
            // Who leads is acted upon at once.
            changed = server.changed() => match changed {
                Ok(()) => false,
                Err(_) => return std::future::pending().await,
            },
        };
        let now = Instant::now();
        elector.core.pulse.pass((now - looked).min(STEP_MAX));
        looked = now;
        if is_tick {
            next = now + TICK;
        }
        match elector.core.leads_in() {
            Some(term) => elector.lead(term).await,
            None => elector.follow(is_tick),
        }
    }
}

struct Elector {
    core: Arc<Core>,
    beat_at: Instant,
    /// The part of the spread that this member waits for, drawn anew for each election.
    part: f64,
    /// At the last look the silence had lasted: what had come meanwhile is read by the next.
    is_due: bool,
    campaign: Option<JoinHandle<()>>,
    warned: Option<Instant>,
    warned_of_walls: Option<Instant>,
}

impl Elector {
    fn new(core: Arc<Core>) -> Elector {
        Elector {
            core,
            beat_at: Instant::now(),
            part: rand::random(),
            is_due: false,
            campaign: None,
            warned: None,
            warned_of_walls: None,
        }
    }

    async fn lead(&mut self, term: Term) {
        let core = &self.core;
        let now = Instant::now();
        let voters = core.voters();
        let is_news = core.pulse.lead(term, voters.clone());
        core.replica.clock.lead(voters, is_news);
        if is_news {
            self.beat_at = now;
            // openraft takes writes once its own beat was answered.
            drop(core.raft.trigger().heartbeat().await);
        }
        if now < self.beat_at {
            return;
        }
        self.beat_at = now + core.pulse.patience.heartbeat;
        let speaks = self.speaks();
        core.raft.runtime_config().heartbeat(speaks);
        if speaks {
            beat(core, term);
        }
        self.warn();
        self.warn_of_walls(term);
    }

    /// A leader that its majority doesn't answer is silent by turns, so that those who hear it and
    /// can't be heard elect another.
    fn speaks(&self) -> bool {
        let silence = self.core.pulse.silence().unwrap_or_default();
        let timeout = self.core.pulse.election_timeout();
        let turn = silence.as_millis() / timeout.as_millis().max(1);
        turn.is_multiple_of(3)
    }

    fn follow(&mut self, is_tick: bool) {
        let pulse = &self.core.pulse;
        pulse.follow();
        if self
            .campaign
            .as_ref()
            .is_some_and(|task| !task.is_finished())
        {
            return;
        }
        let is_due = is_tick && pulse.is_election_due(self.part) && self.core.is_voter();
        if is_due && std::mem::replace(&mut self.is_due, true) {
            self.is_due = false;
            self.part = rand::random();
            self.campaign = Some(tokio::spawn(campaign(self.core.clone())));
        } else if is_tick {
            self.is_due = is_due;
        }
    }

    fn warn(&mut self) {
        let pulse = &self.core.pulse;
        if was_told_lately(self.warned) || !pulse.patience.is_short_for(pulse.slack()) {
            return;
        }
        self.warned = Some(Instant::now());
        tracing::warn!(
            target: "raft",
            round_trip_ms = pulse.round_trip().as_millis() as u64,
            "--election-timeout is too short for the distance between the members, so leaders \
             may change without need: set it to ten round trips, or leave it out"
        );
    }

    fn warn_of_walls(&mut self, term: Term) {
        if was_told_lately(self.warned_of_walls) {
            return;
        }
        let distances = self.core.replica.clock.wall_distances(term);
        let far = |distance: &i64| distance.unsigned_abs() > WALLS_DIFFER_MAX_MS;
        for (member, ahead_ms) in distances.into_iter().filter(|(_, ms)| far(ms)) {
            self.warned_of_walls = Some(Instant::now());
            tracing::warn!(
                target: "raft",
                member = format_args!("{member:x}"),
                ahead_ms,
                "a member's wall clock is not the cluster's, which follows what a majority shows: \
                 set it right (EXPIREAT and TIME go by the cluster's)"
            );
        }
    }
}

fn was_told_lately(warned: Option<Instant>) -> bool {
    warned.is_some_and(|at| at.elapsed() < WARNING_INTERVAL)
}

/// Sends a beat to everybody now; none if this member does not lead in `term`. Its answers are
/// counted when they come.
pub(super) fn beat(core: &Arc<Core>, term: Term) -> Option<Beat> {
    let beat = core.pulse.next_beat(term)?;
    let mut vote = Vote::new(term, core.header.member);
    vote.committed = true;
    let append = AppendEntriesRequest::<TypeConfig> {
        vote,
        prev_log_id: None,
        entries: Vec::new(),
        leader_commit: None,
    };
    for member in core.others() {
        let Some(link) = core.election_link(member) else {
            continue;
        };
        let mut out = Vec::with_capacity(64);
        out.put_u32_le(core.pulse.slack().as_millis() as u32);
        out.put_u64_le(core.acknowledged_by(member, term));
        wire::put_append(&mut out, &append);
        let (sent, answer) = (Instant::now(), link.start(Kind::Beat, out.into()));
        let core = core.clone();
        tokio::spawn(async move {
            let Ok(Ok(Ok(mut answer))) = tokio::time::timeout(ANSWER_MAX, answer).await else {
                return;
            };
            let Ok(wall) = wire::get_u64(&mut answer) else {
                return;
            };
            match wire::get_append_result(&mut answer) {
                Ok(Ok(_)) => {
                    // Before the beat may be confirmed by it: what a reader is given the time for.
                    core.replica.clock.hear(member, UnixMillis(wall));
                    core.pulse.answered(member, beat, sent);
                }
                // openraft asks itself, and learns of the newer term.
                _ => drop(core.raft.trigger().heartbeat().await),
            }
        });
    }
    Some(beat)
}

/// What decides about votes.
struct Standing {
    vote: Vote,
    last: Option<LogId>,
}

impl Standing {
    async fn of(core: &Core) -> Option<Standing> {
        let look = |state: &openraft::RaftState<TypeConfig>| Standing {
            vote: *state.vote_ref(),
            last: state.log_ids.last().copied(),
        };
        core.raft.with_raft_state(look).await.ok()
    }

    fn says(self, granted: bool) -> VoteResponse {
        VoteResponse::new(self.vote, self.last, granted)
    }
}

impl Core {
    /// How many entries that member has acknowledged to this leader in its term, as far as known.
    fn acknowledged_by(&self, member: MemberId, term: Term) -> u64 {
        let metrics = self.metrics.borrow_watched();
        let reached = metrics.replication.as_ref();
        let last = reached.and_then(|reached| *reached.get(&member)?);
        match metrics.current_term == term {
            true => last.map_or(0, |last| last.index() + 1),
            false => 0,
        }
    }

    /// A leader was told in its term of so many entries that this member has them: its log has, or
    /// it is not the log that they went to. What a later leader took back is another matter.
    pub(super) async fn check_acknowledged(&self, entries: u64, leader: &Vote) {
        let Some(standing) = Standing::of(self).await else {
            return;
        };
        let held = standing.last.map_or(0, |last| last.index() + 1);
        let is_of_now = standing.vote.leader_id().term <= leader.leader_id().term;
        if is_of_now && held < entries {
            self.network.has_lost(entries, held);
        }
    }
}

/// Asks whether a majority would vote for this member, and calls an election if so. Nothing has
/// changed if not.
async fn campaign(core: Arc<Core>) {
    let pulse = &core.pulse;
    pulse.campaigns(true);
    match poll(&core).await {
        Some(poll) if !pulse.lease_holds() && poll.calls_for_election(pulse) => {
            drop(core.raft.trigger().elect(false).await);
            pulse.wait_for_leader();
            // The votes are under way.
            let mut server = core.leaders.clone();
            let is_led = |vote: &Vote| vote.committed && vote.leader_id.term > poll.term;
            let led = server.wait_until(|server| is_led(&server.vote));
            drop(tokio::time::timeout(pulse.election_timeout(), led).await);
        }
        Some(poll) if poll.is_behind => pulse.wait_for_leader(),
        _ => pulse.try_again(),
    }
    pulse.campaigns(false);
}

/// What the others say to an election after `term`.
struct Poll {
    term: Term,
    would_win: bool,
    /// Somebody has seen a newer term: an election may be under way in it.
    is_behind: bool,
}

impl Poll {
    /// A member that is behind, and has given a leader of the newer term its time, has to learn of
    /// that term: an election that is lost tells it, and without it it can't win a later one.
    fn calls_for_election(&self, pulse: &Pulse) -> bool {
        let was_behind = pulse.is_behind(self.is_behind && !self.would_win);
        self.would_win || self.is_behind && was_behind
    }
}

async fn poll(core: &Arc<Core>) -> Option<Poll> {
    let standing = Standing::of(core).await?;
    let term = standing.vote.leader_id.term;
    let request = VoteRequest::new(Vote::new(term + 1, core.header.member), standing.last);
    let mut out = Vec::with_capacity(64);
    wire::put_vote_request(&mut out, &request);
    let out = Bytes::from(out);
    let ask = |member| {
        let link = core.election_link(member)?;
        let (sent, answer) = (Instant::now(), link.start(Kind::PreVote, out.clone()));
        Some(async move { (member, sent, answer.await) })
    };
    let mut answers: FuturesUnordered<_> = core.others().into_iter().filter_map(ask).collect();
    let voters = core.voters();
    let mut granted = BTreeSet::from([core.header.member]);
    let mut is_behind = false;
    let mut deadline = Instant::now() + CAMPAIGN_MAX;
    while !is_majority(&voters, &granted) {
        let answer = tokio::time::timeout_at(deadline, answers.next()).await;
        let Ok(Some((member, sent, answer))) = answer else {
            break;
        };
        let Ok(Ok(mut answer)) = answer else { continue };
        let answer = wire::get_vote_response(&mut answer).ok()?;
        core.pulse.sample(member, sent.elapsed());
        if answer.vote_granted {
            granted.insert(member);
        } else {
            is_behind |= answer.vote.leader_id.term > term;
            // Who is not there must not keep this member from asking again.
            let rest = REFUSED_WAIT + 2 * core.pulse.round_trip();
            deadline = deadline.min(Instant::now() + rest);
        }
    }
    Some(Poll {
        term,
        would_win: is_majority(&voters, &granted),
        is_behind,
    })
}

fn is_majority(voters: &Voters, granted: &BTreeSet<MemberId>) -> bool {
    let in_set = |set: &BTreeSet<MemberId>| 2 * set.intersection(granted).count() > set.len();
    !voters.is_empty() && voters.iter().all(in_set)
}

/// Whether this member would vote for the sender: not against a leader that it hears, or whose
/// majority hears it. Of those who campaign at once, one gets the votes of all.
pub(crate) async fn answer_pre_vote(core: &Core, request: VoteRequest) -> Option<VoteResponse> {
    let standing = Standing::of(core).await?;
    let candidate = request.vote.leader_id;
    let goes_first =
        (standing.last, core.header.member) > (request.last_log_id, candidate.voted_for);
    let is_against = core.pulse.lease_holds() || core.pulse.is_campaigning() && goes_first;
    let granted = !is_against
        && request.last_log_id >= standing.last
        && candidate.term > standing.vote.leader_id.term;
    if granted {
        // Two elections at once would be lost both.
        core.pulse.wait_for_leader();
    }
    Some(standing.says(granted))
}

/// A vote, unless there is a leader that this member hears. openraft's own lease is one fixed
/// time, so ours stands before it.
pub(crate) async fn answer_vote(core: &Core, mut request: VoteRequest) -> Option<VoteResponse> {
    if !request.leadership_transfer && core.pulse.lease_holds() {
        return Some(Standing::of(core).await?.says(false));
    }
    request.leadership_transfer = true;
    let answer = core.raft.vote(request).await.ok()?;
    if answer.vote_granted {
        core.pulse.wait_for_leader();
    }
    Some(answer)
}
