//! PUBSUB: who listens, on all members together.

use bytes::Bytes;
use quorate_core::node::{Census, CensusError, Listening};

use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

/// PUBSUB in a script.
pub fn pubsub(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let asked = question(args.rest())?;
    let told = view.listening(&asked)?;
    answer(asked, told)
}

/// What PUBSUB CHANNELS [pattern] | NUMSUB channel... | NUMPAT wants to know, its name left out.
pub fn question(args: &[Bytes]) -> Result<Census, Fault> {
    let (verb, rest) = args.split_first().ok_or(Fault::arity("pubsub"))?;
    match (verb.to_ascii_lowercase().as_slice(), rest) {
        (b"channels", []) => Ok(Census::Channels(None)),
        (b"channels", [pattern]) => Ok(Census::Channels(Some(pattern.clone()))),
        (b"channels", _) => {
            let given = String::from_utf8_lossy(verb);
            let what = "unknown subcommand or wrong number of arguments for";
            let text = format!("ERR {what} '{given}'. Try PUBSUB HELP.");
            Err(Fault::new(text))
        }
        // It takes nothing more.
        (b"numpat", _) => Ok(Census::Patterns),
        (b"numsub", channels) => Ok(Census::Listeners(channels.to_vec())),
        _ => Err(Fault::unknown_subcommand("pubsub", verb)),
    }
}

/// What the members told, in the form of its subcommand.
pub fn answer(asked: Census, told: Result<Listening, CensusError>) -> Result<Reply, Fault> {
    let listening = told.map_err(|error| {
        Fault::new(format!(
            "NOQUORUM not every member tells who listens ({error}), command not executed"
        ))
    })?;
    Ok(match asked {
        Census::Listeners(channels) => {
            let count = |channel: Bytes| {
                let listeners = listening.get(&channel).copied().unwrap_or(0);
                let listeners = i64::try_from(listeners).unwrap_or(i64::MAX);
                [Reply::Bulk(channel), Reply::Integer(listeners)]
            };
            Reply::Array(channels.into_iter().flat_map(count).collect())
        }
        Census::Channels(_) => Reply::bulks(listening.into_keys()),
        Census::Patterns => Reply::count(listening.len()),
    })
}
