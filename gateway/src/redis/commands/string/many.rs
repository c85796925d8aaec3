//! MSET and MSETNX: several keys at once.

use bytes::Bytes;
use quorate_core::command::Life;

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// MSET key value...: never fails but for its arguments.
pub fn mset(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    for pair in pairs(&mut args, "mset")? {
        view.put_bytes(&pair[0], pair[1].clone(), Life::Forever);
    }
    Ok(Reply::OK)
}

/// MSETNX key value...: all, if none of the keys exists; 1 or 0.
pub fn msetnx(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let pairs = pairs(&mut args, "msetnx")?;
    if pairs.iter().any(|pair| view.exists(&pair[0])) {
        return Ok(Reply::Integer(0));
    }
    for pair in pairs {
        view.put_bytes(&pair[0], pair[1].clone(), Life::Forever);
    }
    Ok(Reply::Integer(1))
}

fn pairs<'a>(args: &mut Args<'a>, command: &str) -> Result<&'a [[Bytes; 2]], Fault> {
    let (pairs, odd) = args.rest().as_chunks::<2>();
    if odd.is_empty() {
        Ok(pairs)
    } else {
        Err(Fault::arity(command))
    }
}
