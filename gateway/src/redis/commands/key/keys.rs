//! KEYS pattern and RANDOMKEY: the whole database.

use bytes::Bytes;
use rand::Rng;

use super::glob::glob;
use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// KEYS pattern.
pub fn keys(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let pattern = args.take()?;
    let mut found = Vec::new();
    view.walk(&mut |key, _| {
        if pattern.as_ref() == b"*" || glob(pattern, &key, false) {
            found.push(Reply::Bulk(key));
        }
    });
    Ok(Reply::Array(found))
}

/// RANDOMKEY: any key, each with the same chance; null if there is none.
pub fn randomkey(view: &mut View, _args: Args<'_>) -> Result<Reply, Fault> {
    let mut rng = rand::rng();
    let mut seen = 0_u64;
    let mut chosen: Option<Bytes> = None;
    view.walk(&mut |key, _| {
        seen += 1;
        if rng.random_range(0..seen) == 0 {
            chosen = Some(key);
        }
    });
    Ok(Reply::maybe(chosen))
}
