//! A window before leaders that lose, hold back and repeat what is sent to them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::oneshot;

use super::*;
use crate::command::{Entry, EntryHeader};
use crate::limits::ENTRY_BYTES_MAX;
use crate::node::queue::Claim;
use crate::state::State;

const MEMBER: MemberId = 7;
const START: u64 = 3;

/// Somebody who waits for the answer to a proposal.
struct Caller {
    receiver: oneshot::Receiver<Result<Reply, NodeError>>,
    claim: Arc<Claim>,
    deadline: Instant,
}

/// One member that sends, and a log in which what it sent may stand anywhere and often.
struct World {
    random: StdRng,
    now: Instant,
    queue: Queue,
    window: Window,
    view: View,
    callers: BTreeMap<i64, Caller>,
    answers: BTreeMap<i64, Result<Reply, NodeError>>,
    pushed: i64,
    /// Of a proposal, at most.
    bytes: usize,
    /// With the leader of now, in the order in which it was sent.
    wire: VecDeque<(Round, Vec<Batch>)>,
    /// With leaders that were: may be in the log yet, once or more.
    limbo: Vec<Vec<Batch>>,
    log: VecDeque<(Vec<Batch>, Option<Round>)>,
    state: State,
    /// Which were applied, and where.
    applied: Vec<(i64, u64)>,
    index: u64,
}

impl World {
    fn new(seed: u64) -> World {
        let window = Window::new(MEMBER, START);
        let view = View { term: 1, leader: 1 };
        window.turn_to(Some(view));
        World {
            random: StdRng::seed_from_u64(seed),
            now: Instant::now(),
            queue: Queue::default(),
            window,
            view,
            callers: BTreeMap::new(),
            answers: BTreeMap::new(),
            pushed: 0,
            bytes: ENTRY_BYTES_MAX,
            wire: VecDeque::new(),
            limbo: Vec::new(),
            log: VecDeque::new(),
            state: State::default(),
            applied: Vec::new(),
            index: 0,
        }
    }

    fn push(&mut self, life: Duration) {
        self.pushed += 1;
        let (answer, receiver) = inbox::channel();
        let (claim, deadline) = (Arc::<Claim>::default(), self.now + life);
        let proposal = Proposal {
            principal: Default::default(),
            // Refused when applied, but told apart.
            command: Command::Compact(1_000_000 + self.pushed),
        };
        let submission = Submission {
            proposal,
            size: self.random.random_range(0..self.bytes),
            part: crate::command::Part::None,
            claim: claim.clone(),
            answer,
            deadline,
        };
        self.queue.push(submission).expect("there is room");
        let caller = Caller {
            receiver,
            claim,
            deadline,
        };
        self.callers.insert(self.pushed, caller);
    }

    fn send(&mut self) {
        if !self.window.has_room() {
            return;
        }
        let encode = |batches: Vec<Batch>, _| {
            let copy = batches.clone();
            let message = (!copy.is_empty()).then_some(copy);
            (batches, Ok(message))
        };
        let room = Room::default();
        self.wire
            .extend(self.window.send(&self.queue, self.now, room, encode));
    }

    /// The leader takes the oldest message, or it is lost.
    fn deliver(&mut self, is_lossy: bool) {
        let Some((round, batches)) = self.wire.pop_front() else {
            return;
        };
        match self.random.random_range(0..10) {
            0 if is_lossy => self.window.go_back(round),
            1 if is_lossy => {
                self.limbo.push(batches);
                self.window.go_back(round);
            }
            2 if is_lossy => {
                // Refused, but a later one isn't, before the sender knows.
                self.deliver(false);
                self.window.go_back(round);
            }
            _ => self.log.push_back((batches, Some(round))),
        }
    }

    fn elect(&mut self) {
        self.limbo
            .extend(self.wire.drain(..).map(|(_, batches)| batches));
        self.view.term += 1;
        self.window.turn_to(Some(self.view));
    }

    /// Something of an earlier leader shows up in the log.
    fn haunt(&mut self) {
        if self.limbo.is_empty() {
            return;
        }
        let at = self.random.random_range(0..self.limbo.len());
        let batches = match self.random.random_bool(0.5) {
            true => self.limbo.swap_remove(at),
            false => self.limbo[at].clone(),
        };
        self.log.push_back((batches, None));
    }

    fn apply(&mut self) {
        let Some((batches, round)) = self.log.pop_front() else {
            return;
        };
        self.index += 1;
        let entry = Entry {
            header: EntryHeader::default(),
            batches,
        };
        let mut effects = self.state.apply(1, &entry, |_| true);
        for (batch, new) in entry.batches.iter().zip(&effects.taken) {
            for proposal in &batch.proposals[batch.proposals.len() - new..] {
                let Command::Compact(name) = proposal.command else {
                    panic!("only these are proposed");
                };
                self.applied.push((name - 1_000_000, self.index));
            }
        }
        self.window.settle(1, self.index, &entry, &mut effects);
        if let Some(round) = round {
            self.window.arrived(round);
        }
    }

    /// Callers take their answers, or give up at their deadlines.
    fn wait(&mut self) {
        let now = self.now;
        let answers = &mut self.answers;
        self.callers.retain(|name, caller| {
            let answer = match caller.receiver.try_recv() {
                Ok(answer) => answer,
                Err(oneshot::error::TryRecvError::Closed) => panic!("an answer was dropped"),
                Err(oneshot::error::TryRecvError::Empty) if caller.deadline > now => return true,
                Err(_) if caller.claim.give_up() => Err(NodeError::Timeout),
                Err(_) => Err(NodeError::Unknown),
            };
            answers.insert(*name, answer);
            false
        });
    }

    fn step(&mut self, life: Duration) {
        match self.random.random_range(0..20) {
            0..6 => self.push(life),
            6..10 => self.send(),
            10..13 => self.deliver(true),
            13 => self.elect(),
            14 => self.haunt(),
            15 => self.now += Duration::from_millis(self.random.random_range(0..20)),
            _ => self.apply(),
        }
        self.wait();
    }

    /// No faults any more: all that somebody waits for is settled.
    fn settle(&mut self) {
        self.elect();
        for _ in 0..10_000 {
            self.send();
            self.deliver(false);
            self.apply();
            self.wait();
            if self.callers.is_empty() {
                return;
            }
        }
        panic!("{:?} wait for good", self.callers.keys());
    }

    fn check(&self) {
        let names: Vec<i64> = self.applied.iter().map(|(name, _)| *name).collect();
        assert!(
            names.is_sorted_by(|a, b| a < b),
            "once each, in order: {names:?}"
        );
        let applied: BTreeMap<i64, u64> = self.applied.iter().copied().collect();
        for (name, answer) in &self.answers {
            match answer {
                Ok(reply) => assert_eq!(applied.get(name), Some(&reply.index), "{name}"),
                Err(NodeError::Unknown) => {}
                Err(_) => assert_eq!(applied.get(name), None, "{name} was not proposed"),
            }
        }
    }
}

#[test]
fn all_is_answered_by_what_became_of_it_whatever_leaders_lose() {
    for seed in 0..300 {
        let mut world = World::new(seed);
        for _ in 0..400 {
            world.step(Duration::from_secs(3_600));
        }
        world.settle();
        world.check();
        let unanswered: Vec<_> = world
            .answers
            .iter()
            .filter(|(_, answer)| answer.is_err())
            .collect();
        assert!(unanswered.is_empty(), "seed {seed}: {unanswered:?}");
        assert_eq!(world.applied.len() as i64, world.pushed, "seed {seed}");
        assert!(world.pushed > 50);
    }
}

#[test]
fn deadlines_leave_no_doubt_but_about_what_was_sent() {
    let mut told = BTreeMap::new();
    for seed in 0..300 {
        let mut world = World::new(seed);
        for _ in 0..400 {
            let life = Duration::from_millis(world.random.random_range(1..80));
            world.step(life);
        }
        world.settle();
        world.check();
        for answer in world.answers.values() {
            let kind = answer
                .as_ref()
                .map_or_else(|error| format!("{error:?}"), |_| "Ok".into());
            *told.entry(kind).or_insert(0) += 1;
        }
    }
    let kinds: Vec<&str> = told.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["Ok", "Timeout", "Unknown"], "{told:?}");
}

#[test]
fn a_snapshot_leaves_open_what_it_jumped_over_and_the_rest_goes_on() {
    let mut world = World::new(1);
    world.bytes = 10;
    (0..4).for_each(|_| world.push(Duration::from_secs(3_600)));
    world.send();
    let (_, mut batches) = world.wire.pop_front().expect("it was sent");
    batches[0].proposals.truncate(1);
    // The state of another member, in which the first was taken.
    let header = EntryHeader::default();
    world.state.apply(1, &Entry { header, batches }, |_| true);
    let last = world.state.last_taken(MEMBER);
    world.window.jump(last);
    world.wait();
    assert_eq!(world.answers.get(&1), Some(&Err(NodeError::Unknown)));
    assert_eq!(world.answers.len(), 1);
    assert!(world.window.has_unsent(), "again, from the second on");
    world.settle();
    assert_eq!(
        world
            .answers
            .values()
            .filter(|answer| answer.is_ok())
            .count(),
        3
    );
}

#[test]
fn a_member_that_stops_leaves_nobody_waiting() {
    let mut world = World::new(1);
    world.push(Duration::from_secs(3_600));
    world.send();
    world.window.close();
    world.wait();
    assert_eq!(world.answers.get(&1), Some(&Err(NodeError::Unknown)));
}

/// A leader that is paused answers nothing for as long as it likes.
#[test]
fn what_a_leader_that_went_was_sent_holds_nothing_up() {
    let mut world = World::new(1);
    for _ in 0..3 {
        world.push(Duration::from_secs(3_600));
        world.send();
    }
    assert_eq!(world.wire.len(), 2);
    assert!(!world.window.has_room());
    world.window.turn_to(None);
    assert!(world.window.has_room() && world.window.has_unsent());
}

/// Told of a refusal at once: what has certainly not arrived anywhere, and nothing else.
#[test]
fn what_may_have_arrived_is_not_refused() {
    let mut world = World::new(1);
    world.bytes = 10;
    let mut sent = Vec::new();
    for _ in 0..2 {
        world.push(Duration::from_secs(3_600));
        world.send();
        let (round, batches) = world.wire.pop_front().expect("it was sent");
        sent.push((round, batches[0].origin.first..=batches[0].last()));
    }
    let (round, second) = sent[1].clone();
    world.window.never_arrived(round, second);
    world.window.refuse_unsent(&NodeError::NoLeader);
    world.wait();
    assert_eq!(world.answers.remove(&2), Some(Err(NodeError::NoLeader)));
    assert!(world.answers.is_empty(), "the first may have arrived");

    // Sent again, it may have arrived the first time, though not this time.
    world.send();
    let (round, batches) = world.wire.pop_front().expect("it is sent again");
    let numbers = batches[0].origin.first..=batches[0].last();
    assert_eq!(numbers, 1..=1);
    world.window.never_arrived(round, numbers);
    world.window.refuse_unsent(&NodeError::NoLeader);
    world.wait();
    assert!(world.answers.is_empty());
    world.push(Duration::from_secs(3_600));
    world.settle();
    let done: Vec<_> = world.answers.iter().map(|(n, a)| (*n, a.is_ok())).collect();
    assert_eq!(done, [(1, true), (3, true)], "the second is passed over");
}
