//! Turns: whoever has one is disturbed no more once its members know, they come in the order in
//! which they were asked for, others go on in between, and a member that goes with its turn holds
//! nobody up for long.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use quorate_core::command::{Command, DataOp, Guard, Op, Program, Relation, Test, Txn};
use quorate_core::node::Node;
use quorate_core::outcome::Outcome;
use quorate_core::types::{Index, KeyRange, Principal};
use tokio::time::Instant;

use crate::far_apart::{Far, start};
use crate::member::MEMBERS;

const HOT: &[u8] = b"redis/0/hot";
const PATIENCE: Duration = Duration::from_secs(60);
/// Of each member.
const TAKERS: usize = 3;
const TURNS_EACH: usize = 3;
/// Runs in a turn: the first ones may be disturbed by what was under way when it came, which is
/// what waited while the one before it lasted. Without turns there is no bound.
const RUNS_MAX: usize = 6;
/// What members may take until they go on without one that was killed.
const GIVEN_UP_MS: u64 = 2_000;
const ELECTED_MS: u64 = 2_000;

fn add() -> Op {
    Op::Data(DataOp::Add {
        key: Bytes::from_static(HOT),
        by: 1,
    })
}

async fn count_up(node: &Node) {
    let (principal, deadline) = (Principal::default(), Instant::now() + PATIENCE);
    let program = Command::Program(Program {
        ops: vec![add()],
        ..Program::default()
    });
    let proposed = node.propose(&principal, program, deadline).await;
    proposed.expect("it is written");
}

async fn write(node: Node, done: Arc<Mutex<Vec<Instant>>>) {
    count_up(&node).await;
    done.lock().push(Instant::now());
}

/// Counts up for as long as others take turns.
async fn write_on(node: Node, written: Arc<Mutex<u64>>, turns: Seen) {
    while turns.lock().len() < MEMBERS * TAKERS * TURNS_EACH {
        count_up(&node).await;
        *written.lock() += 1;
    }
}

/// Of each turn: the entries that asked for it and ended it, and how often it had to run.
type Seen = Arc<Mutex<Vec<(Index, Index, usize)>>>;

/// Reads the hot key and counts it up if nobody else has meanwhile.
async fn take(node: Node, seen: Seen) {
    let principal = Principal::default();
    for _ in 0..TURNS_EACH {
        let deadline = Instant::now() + PATIENCE;
        let turn = node.turn(&principal, deadline).await.expect("it is asked");
        let turn = turn.expect("it comes");
        let mut runs = 0;
        let ended = loop {
            runs += 1;
            let modified = node.read(|state| state.get(HOT).map_or(0, |kv| kv.modified.main));
            let guard = Guard {
                range: KeyRange::Key(Bytes::from_static(HOT)),
                test: Test::ModRevision(Relation::Equal, modified),
            };
            let txn = Txn {
                guards: vec![guard],
                then: vec![add(), turn.end()],
                ..Txn::default()
            };
            let proposed = node.propose(&principal, Command::Txn(txn), deadline);
            let reply = proposed.await.expect("it is proposed");
            match reply.applied.outcome {
                Ok(Outcome::Txn(outcome)) if outcome.succeeded => break reply.index,
                _ => node.applied(reply.index, deadline).await.expect("applied"),
            }
        };
        seen.lock().push((turn.asked(), ended, runs));
        turn.ended();
    }
}

fn pass_until(far: &mut Far, within_ms: u64, done: impl Fn() -> bool) -> u64 {
    let begun = far.world.now;
    while !done() {
        assert!(far.world.now - begun < within_ms, "not in {within_ms} ms");
        far.pass(1);
    }
    far.world.now - begun
}

fn play(round_trip: u64) {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut far = start(1, round_trip, dir.path());
    far.elect();
    let (seen, written) = (Seen::default(), Arc::new(Mutex::new(0)));
    for member in &far.world.members {
        let node = || member.node().expect("it runs");
        (0..TAKERS).for_each(|_| member.spawn(take(node(), seen.clone())));
        (0..TAKERS).for_each(|_| member.spawn(write_on(node(), written.clone(), seen.clone())));
    }
    let turns = MEMBERS * TAKERS * TURNS_EACH;
    let within = (turns as u64 + 2) * (6 * round_trip + 200);
    pass_until(&mut far, within, || seen.lock().len() == turns);
    far.pass(4 * round_trip + 200);
    let mut seen = std::mem::take(&mut *seen.lock());
    seen.sort_unstable();
    let runs: Vec<usize> = seen.iter().map(|(_, _, runs)| *runs).collect();
    assert!(*runs.iter().max().expect("turns") <= RUNS_MAX, "{runs:?}");
    let ended = seen.iter().map(|(_, ended, _)| ended);
    assert!(ended.is_sorted(), "not in their order: {seen:?}");
    let written = *written.lock();
    assert!(written as usize >= turns, "{written} were written beside");
    let counted = |node: Node| {
        let value = node.read(|state| state.get(HOT).and_then(|kv| kv.value.as_bytes().cloned()));
        String::from_utf8(value.expect("a number").to_vec()).expect("text")
    };
    let node = far.world.members[0].node().expect("it runs");
    assert_eq!(counted(node), (written + turns as u64).to_string());
}

#[test]
fn turns_come_in_their_order_beside_writers_of_the_same_key() {
    let play = |round_trip| std::thread::spawn(move || play(round_trip));
    let played = [2, 120].map(|round_trip| (round_trip, play(round_trip)));
    for (round_trip, played) in played {
        assert!(
            played.join().is_ok(),
            "with a round trip of {round_trip} ms"
        );
    }
}

/// A turn that its holder never ends by itself, and one behind it of the same member.
async fn hold(node: Node, held: Arc<Mutex<bool>>) {
    let (principal, deadline) = (Principal::default(), Instant::now() + PATIENCE);
    let turn = node.turn(&principal, deadline).await.expect("it is asked");
    *held.lock() = turn.is_some();
    let next = node.turn(&principal, deadline).await;
    panic!("the next came: {}", next.is_ok());
}

fn kill_holder(leads: bool, within_ms: u64) {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut far = start(1, 2, dir.path());
    far.elect();
    let leader = far.world.leader().expect("one leads");
    let killed = match leads {
        true => leader,
        false => (leader + 1) % MEMBERS,
    };
    let held = Arc::new(Mutex::new(false));
    let holder = &far.world.members[killed];
    holder.spawn(hold(holder.node().expect("it runs"), held.clone()));
    pass_until(&mut far, 1_000, || *held.lock());
    // The others hear of it with a beat at the latest.
    far.pass(500);
    let done = Arc::<Mutex<Vec<Instant>>>::default();
    let other = &far.world.members[(killed + 1) % MEMBERS];
    far.world.members[(killed + 1) % MEMBERS]
        .spawn(write(other.node().expect("it runs"), done.clone()));
    // Longer than a silence may last: it says that it goes on.
    far.pass(3_000);
    assert!(done.lock().is_empty(), "it is held as long as the turn is");
    far.world.members[killed].kill();
    let took = pass_until(&mut far, within_ms, || !done.lock().is_empty());
    println!("leads {leads}: written {took} ms after the holder was killed");
}

#[test]
fn a_member_that_is_killed_in_its_turn_holds_nobody_up_for_long() {
    let play = |leads, within| std::thread::spawn(move || kill_holder(leads, within));
    let follower = play(false, GIVEN_UP_MS);
    let leader = play(true, GIVEN_UP_MS + ELECTED_MS);
    assert!(follower.join().is_ok(), "a follower");
    assert!(leader.join().is_ok(), "the leader");
}
