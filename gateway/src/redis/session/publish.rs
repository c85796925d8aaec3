//! PUBLISH outside of programs, PUBSUB, WAIT.

use bytes::Bytes;

use super::state::Session;
use crate::redis::commands::about::{answer, question};
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

    /// PUBSUB, of all members together.
    pub async fn pubsub(&mut self, args: &[Bytes]) -> Reply {
        let asked = match question(&args[1..]) {
            Ok(asked) => asked,
            Err(fault) => return Reply::Error(fault),
        };
        let (node, deadline) = (&self.context.node, self.context.deadline());
        let told = node.census(asked.clone(), deadline).await;
        answer(asked, told).into()
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
