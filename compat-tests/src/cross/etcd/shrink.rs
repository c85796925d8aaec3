//! Takes steps out of a sequence that failed, as long as it still fails at the same place.

use std::time::Duration;

use tokio::time::Instant;

use super::pair::{Opponents, Pair};
use super::sequence::{self, End, Failure, Past};
use crate::cross::accepted::Accepted;
use crate::cross::ledger::Ledger;
use crate::trouble::Trouble;

/// What shrinking may take, the last try aside.
const SHRINK_LIMIT: Duration = Duration::from_secs(90);

/// Plays sequences on servers that are started anew after a failure.
struct Bench<'a> {
    opponents: Opponents,
    members: usize,
    accepted: &'a Accepted,
    servers: Option<(Pair, Past)>,
}

impl Bench<'_> {
    async fn play(&mut self, numbers: &[u64]) -> Result<Option<Failure>, Trouble> {
        let (pair, mut past) = match self.servers.take() {
            Some(servers) => servers,
            None => (
                Pair::start(self.opponents, self.members, None).await?,
                Past::default(),
            ),
        };
        let mut ledger = Ledger::default();
        let played = sequence::play(&pair, &mut past, numbers, self.accepted, &mut ledger).await;
        match played {
            Ok(End::Clean) => {
                self.servers = Some((pair, past));
                Ok(None)
            }
            Ok(End::Crashed) => Ok(None),
            Err(failure) => Ok(Some(*failure)),
        }
    }
}

/// The shortest failure that was found for a sequence that failed, on fresh servers; None when
/// it does not fail there, so that what was played before it matters.
pub async fn shrink(
    opponents: Opponents,
    members: usize,
    accepted: &Accepted,
    numbers: &[u64],
    place: &str,
) -> Result<Option<Failure>, Trouble> {
    let mut bench = Bench {
        opponents,
        members,
        accepted,
        servers: None,
    };
    let fails = |failure: Option<Failure>| failure.filter(|failure| failure.place() == place);
    let Some(mut best) = fails(bench.play(numbers).await?) else {
        return Ok(None);
    };
    let mut kept = numbers[..best.played].to_vec();
    let deadline = Instant::now() + SHRINK_LIMIT;
    let mut chunk = (kept.len() / 2).max(1);
    loop {
        let mut at = 0;
        // The last step is the one that shows it.
        while at < kept.len().saturating_sub(1) && Instant::now() < deadline {
            let end = (at + chunk).min(kept.len() - 1);
            let tried: Vec<u64> = [&kept[..at], &kept[end..]].concat();
            match fails(bench.play(&tried).await?) {
                Some(failure) => {
                    kept = tried[..failure.played].to_vec();
                    best = failure;
                }
                None => at += chunk,
            }
        }
        if chunk == 1 || Instant::now() >= deadline {
            return Ok(Some(best));
        }
        chunk /= 2;
    }
}
