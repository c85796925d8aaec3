//! Members that are far apart: from the first election on nobody else leads, and what a client asks
//! takes no more round trips than it must, idle and busy, at the leader and elsewhere.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use quorate_core::command::{Command, Life, Op, PutOp, PutValue, Txn};
use quorate_core::node::Node;
use quorate_core::types::{Principal, Value};
use tokio::time::Instant;

use crate::entropy;
use crate::member::MEMBERS;
use crate::world::World;

/// Of a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// For the first election connections are opened, and votes asked for twice.
const FIRST_ROUND_TRIPS: u64 = 5;
const FIRST_LEADER_MS: u64 = 1_500;
/// Longer than a leader may be silent.
const STALL_MS: u64 = 1_200;
/// First elections that are played.
const FIRSTS: u64 = 6;
const IDLE_MS: u64 = 15_000;
const BUSY_MS: u64 = 4_000;
const BUSY_CLIENTS: usize = 4;

/// What a flush of the log takes mostly, here and there, and now and then.
const FLUSH_MS: u64 = 20;
const STALL: Duration = Duration::from_millis(600);

/// What requests took, by what they were.
type Took = Arc<Mutex<Vec<(&'static str, Duration)>>>;

fn put() -> Command {
    Command::Txn(Txn {
        then: vec![Op::Put(PutOp {
            key: Bytes::from_static(b"k"),
            value: PutValue::Set(Value::Bytes(Bytes::from_static(b"v"))),
            life: Life::Forever,
            want_prev: false,
        })],
        ..Txn::default()
    })
}

/// One write and one read after the other, so many times.
async fn ask(node: Node, times: usize, took: Took) {
    let principal = Principal::default();
    for _ in 0..times {
        let asked = Instant::now();
        let put = node.propose(&principal, put(), asked + PATIENCE).await;
        put.expect("a put");
        took.lock().push(("put", asked.elapsed()));
        let asked = Instant::now();
        node.barrier(asked + PATIENCE).await.expect("a read");
        took.lock().push(("read", asked.elapsed()));
    }
}

pub struct Far {
    pub world: World,
    round_trip: u64,
}

impl Far {
    pub fn pass(&mut self, ms: u64) {
        for _ in 0..ms {
            self.world.tick(false).expect("nothing fails");
        }
    }

    fn terms(&self) -> Vec<(u64, Option<u64>)> {
        let status = |member: usize| self.world.members[member].status().expect("it runs");
        let terms = (0..MEMBERS).map(status);
        terms.map(|status| (status.term, status.leader)).collect()
    }

    /// Passes until all agree on a leader.
    pub fn elect(&mut self) -> Vec<(u64, Option<u64>)> {
        for _ in 0..FIRST_LEADER_MS + FIRST_ROUND_TRIPS * self.round_trip {
            self.pass(1);
            let all = (0..MEMBERS).all(|member| self.world.members[member].node().is_some());
            let terms = if all { self.terms() } else { Vec::new() };
            if all && terms[0].1.is_some() && terms.iter().all(|term| *term == terms[0]) {
                return terms;
            }
        }
        panic!("nobody leads: {:?}", self.terms());
    }

    /// Each member's clients ask that often; all must have been answered in that time, none late.
    fn ask(&mut self, clients: usize, times: usize, within_ms: u64) {
        let took = Took::default();
        for member in 0..MEMBERS {
            let member = &self.world.members[member];
            let node = member.node().expect("it runs");
            (0..clients).for_each(|_| member.spawn(ask(node.clone(), times, took.clone())));
        }
        self.pass(within_ms);
        let took = took.lock();
        let most = Duration::from_millis(self.round_trip * 5 / 2 + FLUSH_MS);
        let late = |most| took.iter().filter(|(_, took)| *took > most).count();
        assert!(
            late(most) * 4 < took.len(),
            "longer than {most:?}: {took:?}"
        );
        assert_eq!(late(most + STALL), 0, "far longer than {most:?}: {took:?}");
        assert_eq!(
            took.len(),
            2 * MEMBERS * clients * times,
            "all are answered"
        );
    }
}

/// Members of which nobody leads yet.
pub fn start(seed: u64, round_trip: u64, dir: &Path) -> Far {
    entropy::seed(seed);
    let world = World::new(seed, dir);
    let one_way = round_trip / 2;
    world.net.set_delay(one_way, one_way + 1 + round_trip / 50);
    let mut far = Far { world, round_trip };
    (0..MEMBERS).for_each(|member| far.world.start(member));
    far
}

fn play(round_trip: u64) {
    for seed in 1..FIRSTS {
        let dir = tempfile::tempdir().expect("temp dir");
        start(seed, round_trip, dir.path()).elect();
    }
    let dir = tempfile::tempdir().expect("temp dir");
    let mut far = start(FIRSTS, round_trip, dir.path());
    let first = far.elect();
    far.pass(IDLE_MS);
    far.ask(1, 3, 20 * round_trip + 500);
    let times = (BUSY_MS / (4 * (round_trip + FLUSH_MS)) + 1) as usize;
    far.ask(BUSY_CLIENTS, times, BUSY_MS + 10 * round_trip + 2_000);
    assert_eq!(far.terms(), first, "the leader changed");
}

#[test]
fn nobody_loses_a_leader_who_is_far_and_nobody_waits_longer_than_for_the_distance() {
    let play = |round_trip| std::thread::spawn(move || play(round_trip));
    let played = [2, 60, 120, 320, 600].map(|round_trip| (round_trip, play(round_trip)));
    for (round_trip, played) in played {
        assert!(
            played.join().is_ok(),
            "with a round trip of {round_trip} ms"
        );
    }
}

/// Members that share a disk wait for it together, longer than for a silent leader.
#[test]
fn disks_that_stand_still_unseat_no_leader() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut near = start(1, 2, dir.path());
    let first = near.elect();
    near.pass(2_000);
    let took = Took::default();
    let until = near.world.now + STALL_MS;
    for member in &mut near.world.members {
        member.stall_log(until);
        member.spawn(ask(member.node().expect("it runs"), 1, took.clone()));
    }
    near.pass(STALL_MS + 2_000);
    assert_eq!(took.lock().len(), 2 * MEMBERS, "all are answered");
    assert_eq!(near.terms(), first, "the leader changed");
}
