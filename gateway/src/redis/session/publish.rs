//! PUBLISH outside of programs, PUBSUB, WAIT.

use bytes::Bytes;
use quorate_core::node::{Census, Listening};

use super::state::Session;
use crate::redis::fault::Fault;
use crate::redis::number::parse_i64;
use crate::redis::reply::Reply;

impl Session {
    /// PUBLISH channel message: how many received it, on all members.
    pub async fn publish(&mut self, args: &[Bytes]) -> Reply {
        let (Some(channel), Some(payload)) = (args.get(1), args.get(2)) else {
            return Reply::Error(Fault::arity("publish"));
        };
        let publish = self.context.node.publish(channel.clone(), payload.clone());
        Reply::Integer(i64::try_from(publish.await).unwrap_or(i64::MAX))
    }

    /// PUBSUB CHANNELS [pattern] | NUMSUB channel... | NUMPAT, of all members together.
    pub async fn pubsub(&mut self, args: &[Bytes]) -> Reply {
        let verb = args
            .get(1)
            .map(|verb| verb.to_ascii_lowercase())
            .unwrap_or_default();
        let asked = match (verb.as_slice(), args.get(2..).unwrap_or_default()) {
            (b"channels", []) => Census::Channels(None),
            (b"channels", [pattern]) => Census::Channels(Some(pattern.clone())),
            (b"channels", _) => {
                let given = String::from_utf8_lossy(&args[1]);
                let what = "unknown subcommand or wrong number of arguments for";
                let text = format!("ERR {what} '{given}'. Try PUBSUB HELP.");
                return Reply::Error(Fault::new(text));
            }
            (b"numpat", []) => Census::Patterns,
            (b"numpat", _) => return Reply::Error(Fault::arity("pubsub|numpat")),
            (b"numsub", channels) => Census::Listeners(channels.to_vec()),
            _ => return Reply::Error(Fault::unknown_subcommand("pubsub", &args[1])),
        };
        let counting = self
            .context
            .node
            .census(asked.clone(), self.context.deadline());
        match counting.await {
            Ok(listening) => told(asked, listening),
            Err(error) => Reply::Error(Fault::new(format!(
                "NOQUORUM not every member tells who listens ({error}), command not executed"
            ))),
        }
    }

    /// WAIT numreplicas timeout: an acknowledged write is on a majority already, so the answer is
    /// there at once: the members beside this one that certainly have it.
    pub fn wait(&mut self, args: &[Bytes]) -> Reply {
        let number = |at: usize| args.get(at).and_then(|text| parse_i64(text));
        let (Some(_), Some(timeout)) = (number(1), number(2)) else {
            return match number(1) {
                None => Reply::Error(Fault::NOT_AN_INTEGER),
                Some(_) => Reply::Error(Fault::fixed(
                    "ERR timeout is not an integer or out of range",
                )),
            };
        };
        if timeout < 0 {
            return Reply::Error(Fault::fixed("ERR timeout is negative"));
        }
        let voters = self
            .context
            .node
            .members()
            .iter()
            .filter(|m| !m.is_learner)
            .count();
        Reply::count(voters / 2)
    }
}

/// The census in the form of its subcommand.
fn told(asked: Census, listening: Listening) -> Reply {
    match asked {
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
    }
}
