//! A sequence of steps, played from one state that both servers are in.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::context::Context;
use super::normal::Ids;
use super::pair::Pair;
use super::play::Player;
use super::steps;
use crate::cross::accepted::Accepted;
use crate::cross::difference::{Difference, shown};
use crate::cross::ledger::Ledger;

/// What a pair of servers has gone through.
#[derive(Default)]
pub struct Past {
    pub context: Context,
    pub ids: Ids,
}

/// A sequence that came to a difference, or to something that should not be.
#[derive(Clone, Debug)]
pub struct Failure {
    /// How many steps were played, the failing one included.
    pub played: usize,
    /// The steps, for people.
    pub steps: Vec<String>,
    pub differences: Vec<Difference>,
    /// What the real server did not do.
    pub trouble: Option<String>,
}

impl Failure {
    /// Where the first difference is, to tell one failure from another.
    pub fn place(&self) -> String {
        let first = self.differences.first();
        first.map_or_else(|| "trouble".to_owned(), |first| first.place.clone())
    }
}

/// The numbers of the steps of a seed.
pub fn numbers(seed: u64, count: usize) -> Vec<u64> {
    let mut random = SmallRng::seed_from_u64(seed);
    (0..count).map(|_| random.random()).collect()
}

/// How a sequence ended without a difference that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The servers are empty again and can play the next sequence.
    Clean,
    /// The real server crashed, where that is accepted: the pair is spent.
    Crashed,
}

/// Plays the steps that `numbers` stand for. After a failure the servers are spent.
pub async fn play(
    pair: &Pair,
    past: &mut Past,
    numbers: &[u64],
    accepted: &Accepted,
    ledger: &mut Ledger,
) -> Result<End, Box<Failure>> {
    let context = std::mem::take(&mut past.context);
    let mut player = Player::new(pair, context, &mut past.ids, ledger);
    let mut shown_steps = Vec::new();
    let opened = player.open().await;
    let mut end = judge(&mut player, opened, accepted, &shown_steps).await?;
    for number in numbers {
        if end == End::Crashed {
            return Ok(end);
        }
        let step = steps::step(*number, &player.context);
        shown_steps.push(shown(&step.shown()));
        let played = player.play(&step).await;
        player.ledger.count("steps", "played");
        end = judge(&mut player, played, accepted, &shown_steps).await?;
    }
    if end == End::Clean {
        let closed = player.close().await;
        end = judge(&mut player, closed, accepted, &shown_steps).await?;
    }
    past.context = player.context;
    Ok(end)
}

/// Whether what was just done went as it should, or the real server crashed where that is known.
async fn judge(
    player: &mut Player<'_>,
    done: Result<(), String>,
    accepted: &Accepted,
    steps: &[String],
) -> Result<End, Box<Failure>> {
    if done.is_err() {
        player.probe().await;
    }
    let mut found = std::mem::take(&mut player.found);
    if player.has_crashed {
        let crash = crash(player);
        if accepted.accepts(&crash) {
            player.ledger.count("accepted", crash.place);
            return Ok(End::Crashed);
        }
        found.insert(0, crash);
    }
    let (fine, found): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|difference| accepted.accepts(difference));
    for difference in fine {
        player.ledger.count("accepted", difference.place);
    }
    match done.is_ok() && found.is_empty() {
        true => Ok(End::Clean),
        false => Err(failure(steps.to_vec(), found, done.err())),
    }
}

/// A crash as a difference: the request is the one that may have led to it.
fn crash(player: &Player<'_>) -> Difference {
    let cause = player.context.crashing.clone();
    Difference {
        request: cause.unwrap_or_else(|| "nothing that is known to crash it".to_owned()),
        place: "the real server".to_owned(),
        theirs: "crashed".to_owned(),
        ours: "answers".to_owned(),
    }
}

fn failure(
    steps: Vec<String>,
    differences: Vec<Difference>,
    trouble: Option<String>,
) -> Box<Failure> {
    Box::new(Failure {
        played: steps.len(),
        steps,
        differences,
        trouble,
    })
}
