//! What this member is to a client that looks for a master: one, as long as it knows a leader, for
//! every member takes writes then; else a replica whose master is away.

use bytes::Bytes;
use quorate_core::node::Status;

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

/// The fields that INFO has about it.
pub fn role_in_info(status: &Status) -> Vec<(&'static str, String)> {
    let Some(leaderless) = status.leaderless else {
        return vec![("role", "master".into())];
    };
    let offset = status.applied_index.to_string();
    vec![
        ("role", "slave".into()),
        ("master_host", String::new()),
        ("master_port", "0".into()),
        ("master_link_status", "down".into()),
        ("master_last_io_seconds_ago", "-1".into()),
        ("master_sync_in_progress", "0".into()),
        ("slave_read_repl_offset", offset.clone()),
        ("slave_repl_offset", offset),
        (
            "master_link_down_since_seconds",
            leaderless.as_secs().to_string(),
        ),
        ("slave_priority", "100".into()),
        ("slave_read_only", "1".into()),
    ]
}
