//! What this member is to a client that looks for a master: one, as long as it knows a leader, for
//! every member takes writes then; else a replica whose master is away.

use bytes::Bytes;

use super::state::Session;
use crate::redis::reply::Reply;

impl Session {
    /// ROLE.
    pub fn role(&mut self, _args: &[Bytes]) -> Reply {
        let status = self.context.node.status();
        let offset = i64::try_from(status.applied_index).unwrap_or(i64::MAX);
        Reply::Array(match status.leader {
            Some(_) => vec![
                Reply::text("master"),
                Reply::Integer(offset),
                Reply::Array(Vec::new()),
            ],
            None => vec![
                Reply::text("slave"),
                Reply::text(""),
                Reply::Integer(0),
                Reply::text("connect"),
                Reply::Integer(offset),
            ],
        })
    }

    /// The word for it in HELLO.
    pub fn role_in_hello(&self) -> &'static str {
        match self.context.node.status().leader {
            Some(_) => "master",
            None => "replica",
        }
    }
}
