//! HRANDFIELD key [count [WITHVALUES]]: some fields; a negative count may repeat them.

use bytes::Bytes;
use rand::Rng;
use rand::seq::index::sample;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// Most fields that one call with repetition lists (Redis: no limit but memory).
const REPEATED_MAX: u64 = 1_000_000;

const COUNT_RANGE: Fault = Fault::fixed(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);

pub fn hrandfield(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let key = args.take()?;
    if args.is_empty() {
        let hash = view.hash(key)?.unwrap_or_default();
        let pick = rand::rng().random_range(0..hash.len().max(1));
        return Ok(Reply::maybe(hash.keys().nth(pick).cloned()));
    }
    let count = args.take_i64()?;
    if count == i64::MIN {
        return Err(COUNT_RANGE);
    }
    let with_values = match args.take_keyword() {
        None => false,
        Some(word) if word == b"WITHVALUES" && args.is_empty() => true,
        Some(_) => return Err(Fault::SYNTAX),
    };
    let is_too_many = with_values && count.unsigned_abs() > i64::MAX.unsigned_abs() / 2;
    if is_too_many || count < -(REPEATED_MAX as i64) {
        return Err(Fault::OUT_OF_RANGE);
    }
    let hash = view.hash(key)?.unwrap_or_default();
    let pairs: Vec<(&Bytes, &Bytes)> = hash.iter().collect();
    if pairs.is_empty() || count == 0 {
        return Ok(Reply::Array(Vec::new()));
    }
    Ok(shape(&pairs, &picks(pairs.len(), count), with_values))
}

/// Positions to show.
fn picks(length: usize, count: i64) -> Vec<usize> {
    let mut rng = rand::rng();
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        return (0..wanted).map(|_| rng.random_range(0..length)).collect();
    }
    if wanted >= length {
        return (0..length).collect();
    }
    sample(&mut rng, length, wanted).into_vec()
}

fn shape(pairs: &[(&Bytes, &Bytes)], picks: &[usize], with_values: bool) -> Reply {
    let field = |at: &usize| Reply::Bulk(pairs[*at].0.clone());
    if !with_values {
        return Reply::Array(picks.iter().map(field).collect());
    }
    let pair = |at: &usize| vec![field(at), Reply::Bulk(pairs[*at].1.clone())];
    Reply::Pairs(picks.iter().map(pair).collect())
}
