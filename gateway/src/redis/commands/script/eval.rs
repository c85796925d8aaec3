//! EVAL, EVALSHA and their read-only forms.

use bytes::Bytes;

use super::host::ViewHost;
use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::program::lua::{self, Script};
use crate::redis::reply::Reply;

const NO_SCRIPT: Fault = Fault::fixed("NOSCRIPT No matching script. Please use EVAL.");

/// Digits of a SHA-1.
const SHA1_DIGITS: usize = 40;

/// EVAL script numkeys [key ...] [arg ...]
pub fn eval(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    by_body(view, args, false)
}

/// EVALSHA sha1 numkeys [key ...] [arg ...]
pub fn evalsha(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    by_name(view, args, false)
}

/// EVAL_RO: the script may not write.
pub fn eval_ro(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    by_body(view, args, true)
}

/// EVALSHA_RO: the script may not write.
pub fn evalsha_ro(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    by_name(view, args, true)
}

/// A body that is not in the cache yet is put there beside its effects.
fn by_body(view: &mut View, mut args: Args<'_>, read_only: bool) -> Result<Reply, Fault> {
    let body = args.take()?;
    let (keys, rest) = keys_and_rest(args)?;
    let script = Script::new(body.clone());
    let reply = run(view, &script, keys, rest, read_only)?;
    view.load_script(script);
    Ok(reply)
}

fn by_name(view: &mut View, mut args: Args<'_>, read_only: bool) -> Result<Reply, Fault> {
    let name = args.take()?;
    if name.len() != SHA1_DIGITS {
        return Err(NO_SCRIPT);
    }
    let (keys, rest) = keys_and_rest(args)?;
    let sha1 = Bytes::from(name.to_ascii_lowercase());
    let body = view.find_script(&sha1).ok_or(NO_SCRIPT)?;
    run(view, &Script { sha1, body }, keys, rest, read_only)
}

fn keys_and_rest(mut args: Args<'_>) -> Result<(&[Bytes], &[Bytes]), Fault> {
    let count = args.take_i64()?;
    let rest = args.rest();
    let Ok(count) = usize::try_from(count) else {
        return Err(Fault::fixed("ERR Number of keys can't be negative"));
    };
    rest.split_at_checked(count).ok_or(Fault::fixed(
        "ERR Number of keys can't be greater than number of args",
    ))
}

fn run(
    view: &mut View,
    script: &Script,
    keys: &[Bytes],
    rest: &[Bytes],
    read_only: bool,
) -> Result<Reply, Fault> {
    let header = script.header()?;
    if read_only && header.start > 0 && !header.read_only {
        let text = "ERR Can not execute a script with write flag using *_ro command.";
        return Err(Fault::fixed(text));
    }
    let read_only = read_only || header.read_only;
    lua::run(script, keys, rest, &mut ViewHost { view, read_only })
}
