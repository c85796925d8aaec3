//! KEYS pattern, which looks at what begins as the pattern does, and RANDOMKEY.

use super::glob::{glob, literal_beginning};
use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// KEYS pattern.
pub fn keys(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let pattern = args.take()?;
    let mut found = Vec::new();
    view.walk(&literal_beginning(pattern), &mut |key| {
        if pattern.as_ref() == b"*" || glob(pattern, &key, false) {
            found.push(Reply::Bulk(key));
        }
    });
    Ok(Reply::Array(found))
}

/// RANDOMKEY: null if there is none.
pub fn randomkey(view: &mut View, _args: Args<'_>) -> Result<Reply, Fault> {
    Ok(Reply::maybe(view.random_key()))
}
