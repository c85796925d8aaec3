//! Who was heard when. A leader counts the answers to its beats, each by the beat it answers: a
//! majority's proves that it led when that beat was sent, for its reads and for its own lease. A
//! follower counts the time for which it heard nothing, but only the time in which it could have
//! heard: a process that was stopped or starved looks into its sockets before it calls an election.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::patience::{Distance, Patience, SLACK_MAX};
use crate::types::{MemberId, Term};

/// How much later another member's lease may end, though both heard the same leader.
const LEASES_DIFFER: Duration = Duration::from_millis(50);

/// What is under way to near members ends sooner.
const SPACING_MIN: Duration = Duration::from_millis(5);

/// Elections for which nobody has led before what needs a leader is refused.
const LEADERLESS_ELECTIONS: u32 = 2;

/// Voters, as sets each of which needs a majority.
pub(crate) type Voters = Vec<BTreeSet<MemberId>>;

/// A leader's beat, by its term and its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Beat {
    pub(crate) term: Term,
    pub(crate) number: u64,
}

pub(crate) struct Pulse {
    member: MemberId,
    pub(crate) patience: Patience,
    inner: Mutex<Inner>,
    /// The newest beat that a majority has answered.
    confirmed: watch::Sender<Beat>,
    /// Whether nobody has led for so long that nothing waits for it any more.
    leaderless: watch::Sender<bool>,
}

#[derive(Default)]
struct Inner {
    /// Time awake since a leader's append was last accepted here.
    silence: Option<Duration>,
    /// Time awake since a leader was heard, a leader's own majority answered it, or an election
    /// began that a majority was for: who knows of a quorum does not say that there is none.
    without_leader: Duration,
    /// Time awake since that, since a vote was given away, or since this member asked for votes.
    waited: Duration,
    /// Whether a leader may be there and is given its time, or nobody leads as far as is known.
    waits_for_leader: bool,
    distances: BTreeMap<MemberId, Distance>,
    /// The slack that the leader told.
    told: Duration,
    leading: Option<Leading>,
    /// An election of our own is under way.
    campaigning: bool,
    /// The last one was not won for a newer term that others knew.
    behind: bool,
}

struct Leading {
    term: Term,
    voters: Voters,
    last: u64,
    /// The newest beat that each has answered, and when that was sent.
    answered: BTreeMap<MemberId, (u64, Instant)>,
    since: Instant,
}

impl Leading {
    fn majority<T: Copy + Ord>(&self, of: impl Fn(&MemberId) -> Option<T>) -> Option<T> {
        majority(&self.voters, of)
    }
}

/// The best that a majority of each set of voters has reached, if one has.
pub(super) fn majority<T: Copy + Ord>(
    voters: &Voters,
    of: impl Fn(&MemberId) -> Option<T>,
) -> Option<T> {
    let of_set = |voters: &BTreeSet<MemberId>| {
        let mut reached: Vec<T> = voters.iter().filter_map(&of).collect();
        reached.sort_unstable_by(|a, b| b.cmp(a));
        reached.get(voters.len() / 2).copied()
    };
    let sets: Option<Vec<T>> = voters.iter().map(of_set).collect();
    sets?.into_iter().min()
}

impl Pulse {
    pub(crate) fn new(member: MemberId, patience: Patience) -> Pulse {
        Pulse {
            member,
            patience,
            inner: Mutex::default(),
            confirmed: watch::Sender::default(),
            leaderless: watch::Sender::default(),
        }
    }

    /// Time passed in which this process could hear.
    pub(crate) fn pass(&self, step: Duration) {
        let mut inner = self.inner.lock();
        inner.waited += step;
        if let Some(silence) = &mut inner.silence {
            *silence += step;
        }
        inner.without_leader += step;
        let longest = LEADERLESS_ELECTIONS * self.patience.longest(inner.slack());
        if inner.without_leader >= longest && !self.is_leaderless() {
            self.leaderless.send_replace(true);
        }
    }

    /// A leader's append was accepted here.
    pub(crate) fn hear_leader(&self) {
        let mut inner = self.inner.lock();
        inner.silence = Some(Duration::ZERO);
        inner.waited = Duration::ZERO;
        inner.waits_for_leader = true;
        self.expect_leader_soon(&mut inner);
    }

    /// A majority is for an election, or this member has voted in one: there is a quorum.
    pub(crate) fn expect_leader(&self) {
        self.expect_leader_soon(&mut self.inner.lock());
    }

    fn expect_leader_soon(&self, inner: &mut Inner) {
        inner.without_leader = Duration::ZERO;
        if self.is_leaderless() {
            self.leaderless.send_replace(false);
        }
    }

    /// Whether nobody has led for two election timeouts, as far as this member could hear.
    pub(crate) fn is_leaderless(&self) -> bool {
        *self.leaderless.borrow()
    }

    /// For how long that may have been so: since a leader, or a quorum, was last heard.
    pub(crate) fn without_leader(&self) -> Duration {
        self.inner.lock().without_leader
    }

    /// Resolves when nobody has led for so long.
    pub(crate) async fn leaderless(&self) {
        let mut leaderless = self.leaderless.subscribe();
        if leaderless.wait_for(|leaderless| *leaderless).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// A leader says how far its members are.
    pub(crate) fn hear_slack(&self, slack: Duration) {
        self.inner.lock().told = slack.min(SLACK_MAX);
    }

    /// Somebody may be elected now.
    pub(crate) fn wait_for_leader(&self) {
        let mut inner = self.inner.lock();
        (inner.waited, inner.waits_for_leader) = (Duration::ZERO, true);
    }

    /// Nobody leads: votes are asked for again after a part of the spread.
    pub(crate) fn try_again(&self) {
        let mut inner = self.inner.lock();
        (inner.waited, inner.waits_for_leader) = (Duration::ZERO, false);
    }

    /// Whether it is time for an election, for a member that waits for that part of the spread.
    pub(crate) fn is_election_due(&self, part: f64) -> bool {
        let inner = self.inner.lock();
        let slack = inner.slack();
        let lease = match inner.waits_for_leader {
            true => self.patience.lease(slack),
            false => Duration::ZERO,
        };
        inner.waited >= lease + LEASES_DIFFER + self.patience.spread(slack).mul_f64(part)
    }

    pub(crate) fn campaigns(&self, campaigning: bool) {
        self.inner.lock().campaigning = campaigning;
    }

    pub(crate) fn is_campaigning(&self) -> bool {
        self.inner.lock().campaigning
    }

    /// Whether others knew of a newer term this time; answers whether they did the time before.
    pub(crate) fn is_behind(&self, behind: bool) -> bool {
        std::mem::replace(&mut self.inner.lock().behind, behind)
    }

    /// A round trip to a member took that long.
    pub(crate) fn sample(&self, member: MemberId, took: Duration) {
        let mut inner = self.inner.lock();
        inner.distances.entry(member).or_default().sample(took);
    }

    /// The slack for the farthest of those that answer, or what the leader told.
    pub(crate) fn slack(&self) -> Duration {
        self.inner.lock().slack()
    }

    /// The longest mean of the round trips to a member.
    pub(crate) fn round_trip(&self) -> Duration {
        let inner = self.inner.lock();
        let trips = inner.distances.values().map(Distance::round_trip);
        trips.max().unwrap_or_default()
    }

    /// How long one thing may wait for another that is under way to a far member: near ones answer
    /// sooner.
    pub(crate) fn spacing(&self) -> Duration {
        SPACING_MIN.max(self.round_trip() / 8)
    }

    /// The silence after which somebody has called an election.
    pub(crate) fn election_timeout(&self) -> Duration {
        self.patience.longest(self.slack())
    }

    /// How long a leader was not heard: a follower's own, or that of a leader's majority. None if
    /// never.
    pub(crate) fn silence(&self) -> Option<Duration> {
        let inner = self.inner.lock();
        match &inner.leading {
            Some(leading) => Some(self.majority_silence(leading)),
            None => inner.silence,
        }
    }

    /// Whether there is a leader that others must not unseat.
    pub(crate) fn lease_holds(&self) -> bool {
        let lease = self.patience.lease(self.slack());
        self.silence().is_some_and(|silence| silence < lease)
    }

    fn majority_silence(&self, leading: &Leading) -> Duration {
        let heard = leading.majority(|member| match *member == self.member {
            true => Some(Instant::now()),
            false => leading.answered.get(member).map(|(_, sent)| *sent),
        });
        heard.unwrap_or(leading.since).elapsed()
    }
}

impl Inner {
    fn slack(&self) -> Duration {
        let own = self.distances.values().map(Distance::slack).max();
        match &self.leading {
            Some(_) => own.unwrap_or_default(),
            None => own.unwrap_or_default().max(self.told),
        }
    }
}

/// What a leader counts.
impl Pulse {
    /// This member leads in `term`; true when that is news.
    pub(crate) fn lead(&self, term: Term, voters: Voters) -> bool {
        let mut inner = self.inner.lock();
        inner.silence = None;
        (inner.waited, inner.waits_for_leader) = (Duration::ZERO, true);
        match &mut inner.leading {
            Some(leading) if leading.term == term => {
                leading.voters = voters;
                false
            }
            leading => {
                *leading = Some(Leading {
                    term,
                    voters,
                    last: 0,
                    answered: BTreeMap::new(),
                    since: Instant::now(),
                });
                true
            }
        }
    }

    /// Somebody else leads, or nobody.
    pub(crate) fn follow(&self) {
        self.inner.lock().leading = None;
    }

    /// The next beat of `term`; none if this member does not lead in it.
    pub(crate) fn next_beat(&self, term: Term) -> Option<Beat> {
        let mut inner = self.inner.lock();
        let leading = inner
            .leading
            .as_mut()
            .filter(|leading| leading.term == term)?;
        leading.last += 1;
        let beat = Beat {
            term,
            number: leading.last,
        };
        if self.confirm(leading) {
            self.expect_leader_soon(&mut inner);
        }
        Some(beat)
    }

    /// A member has accepted a beat that was sent then.
    pub(crate) fn answered(&self, member: MemberId, beat: Beat, sent: Instant) {
        self.sample(member, sent.elapsed());
        let mut inner = self.inner.lock();
        let leading = inner.leading.as_mut();
        let Some(leading) = leading.filter(|leading| leading.term == beat.term) else {
            return;
        };
        assert!(
            beat.number <= leading.last,
            "only what was sent is answered"
        );
        let newest = leading.answered.entry(member).or_insert((0, sent));
        *newest = (*newest).max((beat.number, sent));
        if self.confirm(leading) {
            self.expect_leader_soon(&mut inner);
        }
    }

    /// Whether a majority has answered a newer beat than before.
    fn confirm(&self, leading: &Leading) -> bool {
        let number = leading.majority(|member| match *member == self.member {
            true => Some(leading.last),
            false => leading.answered.get(member).map(|(number, _)| *number),
        });
        let beat = Beat {
            term: leading.term,
            number: number.unwrap_or(0),
        };
        self.confirmed.send_if_modified(|confirmed| {
            let is_newer = beat > *confirmed;
            *confirmed = beat.max(*confirmed);
            is_newer
        })
    }

    /// Resolves once a majority has answered that beat or a later one of its term: this member
    /// led when the beat was sent. Never, if it leads no more.
    pub(crate) async fn confirmed(&self, beat: Beat) {
        let mut confirmed = self.confirmed.subscribe();
        let is_answered = |newest: &Beat| newest.term == beat.term && newest.number >= beat.number;
        if confirmed.wait_for(is_answered).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const ME: MemberId = 1;

    fn pulse() -> Pulse {
        let [heartbeat, least, most] = [100, 500, 800].map(Duration::from_millis);
        Pulse::new(ME, Patience::new(heartbeat, (least, most), true))
    }

    fn three() -> Voters {
        vec![BTreeSet::from([1, 2, 3])]
    }

    #[tokio::test(start_paused = true)]
    async fn a_beat_is_confirmed_by_answers_to_it_and_to_later_ones_alone() {
        let pulse = pulse();
        assert!(pulse.next_beat(7).is_none(), "it does not lead");
        assert!(pulse.lead(7, three()) && !pulse.lead(7, three()));
        let [first, second] = [(); 2].map(|()| pulse.next_beat(7).expect("a beat"));
        let is_confirmed = |beat| pulse.confirmed(beat).now_or_never().is_some();
        pulse.answered(2, first, Instant::now());
        assert!(is_confirmed(first) && !is_confirmed(second));
        pulse.answered(3, second, Instant::now());
        assert!(is_confirmed(second));
        assert!(pulse.lead(8, three()), "another term begins from nothing");
        let third = pulse.next_beat(8).expect("a beat");
        pulse.answered(3, second, Instant::now());
        assert!(!is_confirmed(third) && !is_confirmed(second));
    }

    #[tokio::test(start_paused = true)]
    async fn a_majority_is_heard_from_when_it_was_asked_not_when_it_answered() {
        let pulse = pulse();
        pulse.lead(1, three());
        let (beat, sent) = (pulse.next_beat(1).expect("a beat"), Instant::now());
        tokio::time::advance(Duration::from_millis(400)).await;
        pulse.answered(2, beat, sent);
        assert_eq!(pulse.silence(), Some(Duration::from_millis(400)));
        assert!(pulse.lease_holds());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(!pulse.lease_holds());
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_time_in_which_it_could_hear_counts_as_silence() {
        let pulse = pulse();
        assert!(!pulse.lease_holds(), "no leader was ever heard");
        pulse.hear_leader();
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(pulse.lease_holds());
        (0..20).for_each(|_| pulse.pass(Duration::from_millis(25)));
        assert!(!pulse.lease_holds());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_leads_once_two_election_timeouts_have_passed_without_a_quorum() {
        let pulse = pulse();
        let pass =
            |millis: u64| (0..millis / 25).for_each(|_| pulse.pass(Duration::from_millis(25)));
        let two = 2 * pulse.election_timeout().as_millis() as u64;
        pulse.hear_leader();
        pass(two - 25);
        assert!(!pulse.is_leaderless());
        pulse.expect_leader();
        pass(two - 25);
        assert!(!pulse.is_leaderless(), "a majority was for an election");
        pass(25);
        assert!(pulse.is_leaderless() && pulse.leaderless().now_or_never().is_some());
        pulse.hear_leader();
        assert!(!pulse.is_leaderless() && pulse.leaderless().now_or_never().is_none());

        pulse.lead(2, vec![BTreeSet::from([ME, 2, 3])]);
        let beat = pulse.next_beat(2).expect("a beat");
        pass(two - 25);
        pulse.answered(2, beat, Instant::now());
        pass(two - 25);
        assert!(!pulse.is_leaderless(), "its majority has answered it");
        pulse.answered(2, beat, Instant::now());
        pass(25);
        assert!(pulse.is_leaderless(), "an old answer says nothing new");
    }

    #[tokio::test(start_paused = true)]
    async fn the_only_voter_confirms_itself() {
        let pulse = pulse();
        pulse.lead(1, vec![BTreeSet::from([ME])]);
        let beat = pulse.next_beat(1).expect("a beat");
        assert!(pulse.confirmed(beat).now_or_never().is_some());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(pulse.lease_holds());
    }
}
