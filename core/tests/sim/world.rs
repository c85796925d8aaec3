//! A run: members, network, clients and watchers under one seed, with faults, then a healed end
//! in which everybody must come to rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use quorate_core::node::Node;
use quorate_core::types::Revision;

use crate::ask;
use crate::client::{Client, Slot};
use crate::entropy::Dice;
use crate::faults::Faults;
use crate::history::{Answer, Connection, History, Observer, Operation, Request, Shared};
use crate::invariants::Invariants;
use crate::member::{MEMBERS, Member};
use crate::network::{MemberNumber, Net};
use crate::observer;
use crate::trace::Trace;

/// How long faults happen, and how long the members then have to serve everywhere.
const FAULTS_MS: u64 = 15_000;
const HEAL_MS: u64 = 10_000;
/// Longer than any life.
const REST_MS: u64 = 5_000;
/// For who dawdles: when, just before faults begin, and longer than any time-out of a member.
const DAWDLES_AT_MS: u64 = 1_400;
const DAWDLE: Duration = Duration::from_secs(5);
const SAMPLE_MS: u64 = 50;
const CLIENTS: usize = 11;
/// Of what no client asks, but a fault.
const NO_CLIENT: usize = CLIENTS;
/// The most that a client waits for an answer.
const PATIENCE_MS: u64 = 3_000;

/// What is under way for a client, on one connection.
struct Asked {
    client: usize,
    /// Operations without an answer, and where it will be.
    waiting: Vec<(usize, Slot)>,
    member: MemberNumber,
    starts: u64,
    /// When the client has no more patience; it may still happen then.
    gives_up_at: u64,
}

pub struct World {
    pub now: u64,
    pub dice: Dice,
    pub net: Net,
    pub trace: Trace,
    pub members: Vec<Member>,
    /// How often each was started.
    pub starts: [u64; MEMBERS],
    /// A member whose process is stopped, until when.
    pub paused_until: [u64; MEMBERS],
    pub history: Shared,
    /// With when each asks again; none while something is under way.
    clients: Vec<(Client, Option<u64>)>,
    asked: Vec<Asked>,
    /// Clients have a rest.
    pub is_quiet: bool,
    /// The observers of each member that run since this start.
    observed: [u64; MEMBERS],
    invariants: Invariants,
}

/// What a run leaves to be checked.
pub struct Run {
    pub history: History,
    pub trace: String,
    pub faults: String,
    /// The rate of the fastest clock, in thousandths.
    pub rate_max: u64,
    /// Of each member at the end: every key with its value and the revision of its last change.
    pub finals: Vec<BTreeMap<String, (String, Revision)>>,
}

impl World {
    pub fn new(seed: u64, dir: &std::path::Path) -> World {
        let mut dice = Dice(seed);
        let trace = Trace::default();
        let net = Net::new(dice.fork(), trace.clone());
        let member = |number| Member::new(number, dir, net.clone(), dice.fork());
        let members = (0..MEMBERS).map(member).collect();
        let observers = (0..2 * MEMBERS).map(|number| Observer {
            member: number / 2,
            prefix: ["", "w/"][number % 2],
            next: 2,
            sights: Vec::new(),
        });
        let history = History {
            observers: observers.collect(),
            ..History::default()
        };
        let clients = (0..CLIENTS).map(|number| (Client::new(number, dice.fork()), Some(0)));
        World {
            now: 0,
            clients: clients.collect(),
            asked: Vec::new(),
            is_quiet: false,
            dice,
            net,
            trace,
            members,
            starts: [0; MEMBERS],
            paused_until: [0; MEMBERS],
            history: Arc::new(Mutex::new(history)),
            observed: [0; MEMBERS],
            invariants: Invariants::default(),
        }
    }

    /// Plays a seed. `dawdles`: real time passes without simulated time.
    ///
    /// # Errors
    /// What went wrong while it ran.
    pub fn run(seed: u64, dir: &std::path::Path, dawdles: bool) -> Result<Run, String> {
        let mut world = World::new(seed, dir);
        let mut faults = Faults::new(world.dice.fork());
        (0..MEMBERS).for_each(|member| world.start(member));
        while world.now < FAULTS_MS {
            if dawdles && world.now == DAWDLES_AT_MS {
                std::thread::sleep(DAWDLE);
            }
            world.tick(true)?;
            faults.tick(&mut world)?;
        }
        faults.heal(&mut world)?;
        world.serve_everywhere()?;
        world.rest()?;
        Ok(world.ended(faults.summary()))
    }

    pub fn start(&mut self, member: MemberNumber) {
        self.starts[member] += 1;
        self.members[member].start(self.now);
        self.trace.line(self.now, format_args!("start {member}"));
    }

    /// A millisecond passes.
    pub fn tick(&mut self, asks: bool) -> Result<(), String> {
        self.now += 1;
        self.history.lock().now = self.now;
        self.ask(asks);
        self.net.advance(self.now);
        for number in 0..MEMBERS {
            if self.paused_until[number] >= self.now {
                continue;
            }
            if std::mem::take(&mut self.paused_until[number]) > 0 {
                self.members[number].wake_at(self.now);
            }
            self.members[number].run_until(self.now);
            self.watch_over(number)?;
        }
        self.collect();
        crate::panics::none_here()
    }

    fn watch_over(&mut self, number: MemberNumber) -> Result<(), String> {
        let member = &self.members[number];
        if let Some(why) = member.fatal()
            && !member.may_stop()
        {
            return Err(format!("{} ms: member {number} stopped: {why}", self.now));
        }
        let Some(node) = member.node() else {
            return Ok(());
        };
        if self.observed[number] < self.starts[number] {
            self.observed[number] = self.starts[number];
            for observer in [2 * number, 2 * number + 1] {
                let task = observer::observe(node.clone(), self.history.clone(), observer);
                member.spawn(task);
            }
        }
        match self.now.is_multiple_of(SAMPLE_MS) {
            true => {
                let start = (number, self.starts[number]);
                let looked = self.invariants.look(start, &node, member.status());
                looked.map_err(|why| format!("{} ms: {why}", self.now))
            }
            false => Ok(()),
        }
    }

    /// Lets clients with nothing under way ask.
    fn ask(&mut self, asks: bool) {
        for at in 0..self.clients.len() {
            let (client, asks_at) = &mut self.clients[at];
            if !asks || self.is_quiet || asks_at.is_none_or(|at| at > self.now) {
                continue;
            }
            let member = client.choose(MEMBERS);
            if self.members[member].node().is_none() {
                continue;
            }
            let (requests, gap_ms) = client.next_requests();
            let patience = client.dice.range(200, PATIENCE_MS);
            *asks_at = None;
            self.send(at, member, requests, gap_ms, patience);
        }
    }

    /// Asks for something that no client does, in this order; true if it could be asked for.
    pub fn post(&mut self, member: MemberNumber, requests: Vec<Request>) -> bool {
        self.send(NO_CLIENT, member, requests, 0, PATIENCE_MS)
    }

    /// Whether all that was posted is answered.
    pub fn has_posted(&self) -> bool {
        self.asked.iter().all(|asked| asked.client != NO_CLIENT)
    }

    fn send(
        &mut self,
        client: usize,
        member: MemberNumber,
        requests: Vec<Request>,
        gap_ms: u64,
        patience: u64,
    ) -> bool {
        let Some(node) = self.members[member].node() else {
            return false;
        };
        let (sent, start) = (self.now, self.starts[member]);
        let connection = Connection {
            client,
            member,
            number: self
                .clients
                .get(client)
                .map_or(0, |(client, _)| client.given_up),
        };
        let mut history = self.history.lock();
        let (mut waiting, mut asks) = (Vec::new(), Vec::new());
        for request in requests {
            let line = format_args!("client {client} to {member}: {request:?}");
            self.trace.line(sent, line);
            let slot = Slot::default();
            waiting.push((history.operations.len(), slot.clone()));
            history.operations.push(Operation {
                connection,
                request: request.clone(),
                sent,
                acknowledged: None,
                answer: Answer::Unknown,
            });
            asks.push((request, slot));
        }
        drop(history);
        self.members[member].spawn(ask::ask_all(node, asks, Duration::from_millis(gap_ms)));
        self.asked.push(Asked {
            client,
            waiting,
            member,
            starts: start,
            gives_up_at: sent + patience,
        });
        true
    }

    /// Takes the answers that have come; the end of a process is an answer, too.
    fn collect(&mut self) {
        let mut history = self.history.lock();
        let mut asked = std::mem::take(&mut self.asked);
        asked.retain_mut(|asked| {
            let number = asked.client;
            let is_gone = self.starts[asked.member] > asked.starts
                || !self.members[asked.member].is_running()
                || self.now >= asked.gives_up_at;
            asked.waiting.retain(|(operation, slot)| {
                let operation = &mut history.operations[*operation];
                let answer = slot.lock().take();
                let Some(answer) = answer.or(is_gone.then_some(Answer::Unknown)) else {
                    return true;
                };
                operation.acknowledged = (answer != Answer::Unknown).then_some(self.now);
                if let Some((client, _)) = self.clients.get_mut(number) {
                    client.told(&operation.request, &answer);
                }
                self.trace
                    .line(self.now, format_args!("client {number}: {answer:?}"));
                operation.answer = answer;
                false
            });
            if let Some((client, asks_at)) = self.clients.get_mut(number)
                && asked.waiting.is_empty()
            {
                *asks_at = Some(self.now + client.dice.range(1, 60));
            }
            !asked.waiting.is_empty()
        });
        self.asked = asked;
    }

    /// After healing each member takes a write and a read in time.
    fn serve_everywhere(&mut self) -> Result<(), String> {
        let until = self.now + HEAL_MS;
        let since = self.now;
        while self.now < until {
            self.tick(true)?;
            if self.all_have_served(since) {
                return Ok(());
            }
        }
        let states: Vec<_> = self.members.iter().map(Member::describe).collect();
        Err(format!(
            "not all serve {HEAL_MS} ms after healing: {states:#?}"
        ))
    }

    /// Whether each member has carried out a change that it was asked for since then.
    pub fn all_have_served(&self, since: u64) -> bool {
        let history = self.history.lock();
        let asked = history.operations.iter().rev();
        let asked = asked.take_while(|operation| operation.sent >= since);
        let changed: BTreeSet<_> = asked
            .filter(|operation| operation.changed_at().is_some())
            .map(|operation| operation.connection.member)
            .collect();
        changed.len() == MEMBERS
    }

    /// Nobody asks any more: all members reach one index, lives end, watchers see the head.
    fn rest(&mut self) -> Result<(), String> {
        let until = self.now + REST_MS;
        while self.now < until {
            self.tick(false)?;
        }
        let nodes: Vec<_> = self.members.iter().filter_map(Member::node).collect();
        let heads: Vec<_> = nodes
            .iter()
            .map(|node| (node.local_barrier().index, node.revision()))
            .collect();
        if nodes.len() < MEMBERS || heads.iter().any(|head| *head != heads[0]) {
            return Err(format!("members rest at different places: {heads:?}"));
        }
        let leases = |node: &Node| node.read(|state| state.leases());
        if let Some(lease) = nodes.iter().flat_map(leases).next() {
            return Err(format!("it never ends: {lease:?}"));
        }
        let history = self.history.lock();
        let everything = history.observers.iter().filter(|o| o.prefix.is_empty());
        for observer in everything {
            if observer.next != heads[0].1 + 1 {
                return Err(format!(
                    "the watcher on member {} wants {} though the head is {}",
                    observer.member, observer.next, heads[0].1
                ));
            }
        }
        Ok(())
    }

    fn ended(self, faults: String) -> Run {
        let finals = self.members.iter().map(Member::keys).collect();
        let rate = |member: &Member| member.clocks.rate.load(Ordering::Relaxed);
        let rate_max = self.members.iter().map(rate).max().unwrap_or(1000);
        for member in &self.members {
            let (digest, lines) = (member.digest(), member.medium_summary());
            self.trace
                .line(self.now, format_args!("end {digest:x?} {lines:?}"));
        }
        drop(self.members);
        let mut history = History::default();
        std::mem::swap(&mut history, &mut *self.history.lock());
        Run {
            history,
            trace: self.trace.text(),
            faults,
            rate_max,
            finals,
        }
    }

    /// A member that leads, as it believes.
    pub fn leader(&self) -> Option<MemberNumber> {
        (0..MEMBERS).find(|member| {
            let status = self.members[*member].status();
            status.is_some_and(|status| status.leader == Some(status.member))
        })
    }

    /// Moves a member's wall clock.
    pub fn jump_wall(&mut self, member: MemberNumber, by_ms: i64) {
        let wall = &self.members[member].clocks.wall_offset_ms;
        wall.fetch_add(by_ms, Ordering::Relaxed);
    }
}
