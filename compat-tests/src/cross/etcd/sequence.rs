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
    let mut shown_steps = Vec::new();
    let context = std::mem::take(&mut past.context);
    let opened = Player::open(pair, context, &mut past.ids, ledger).await;
    let mut player = match opened {
        Ok(player) => player,
        Err(trouble) => return Err(failure(Vec::new(), Vec::new(), Some(trouble))),
    };
    for number in numbers {
        let step = steps::step(*number, &player.context);
        shown_steps.push(shown(&step.shown()));
        let ended = player.play(&step).await;
        player.ledger.count("steps", "played");
        let found = unaccepted(std::mem::take(&mut player.found), accepted, player.ledger);
        if player.has_crashed && found.is_empty() {
            player.ledger.count("step", "a crash of the real server");
            return Ok(End::Crashed);
        }
        if ended.is_err() || !found.is_empty() {
            return Err(failure(shown_steps, found, ended.err()));
        }
    }
    match player.close().await {
        Err(trouble) => Err(failure(shown_steps, Vec::new(), Some(trouble))),
        Ok((context, found)) => {
            past.context = context;
            let found = unaccepted(found, accepted, ledger);
            match found.is_empty() {
                true => Ok(End::Clean),
                false => Err(failure(shown_steps, found, None)),
            }
        }
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

fn unaccepted(found: Vec<Difference>, accepted: &Accepted, ledger: &mut Ledger) -> Vec<Difference> {
    let (fine, left): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|difference| accepted.accepts(difference));
    for difference in fine {
        ledger.count("accepted", difference.place);
    }
    left
}
