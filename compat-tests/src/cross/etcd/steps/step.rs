//! What can be done in one step.

use quorate_proto::etcdserverpb as pb;

use crate::cross::etcd::{compare, wire::Call};

/// One step, played to both servers.
#[derive(Clone, Debug)]
pub enum Step {
    /// One call, the answers compared.
    Call(Call),
    /// Calls one after the other.
    Calls(Vec<Call>),
    /// All watchers have their events first: the call moves what they may still see.
    Compact(Call),
    /// A lease whose id the server draws, granted and revoked.
    DrawnLease { ttl: i64 },
    /// A lease of a TTL below the least, granted and revoked before it ends.
    ShortLease { ttl: i64 },
    /// A lease with keys, left alone until it ends.
    Expire { id: i64, keys: usize },
    /// A new watcher.
    Watch {
        stream: usize,
        request: pb::WatchCreateRequest,
    },
    /// Two txns of large values, `first` and `second`, under a watcher that takes fragments: with
    /// previous values, the second one's events are more than one response may have.
    LargeEvents {
        stream: usize,
        first: Call,
        second: Call,
    },
    /// The end of a watcher, or of one that does not exist.
    CancelWatch { stream: usize, id: i64 },
    /// A watch request of no kind, which is ignored.
    EmptyWatchRequest { stream: usize },
    /// All events up to now, and a progress answer.
    Progress { stream: usize },
    /// A progress notification of a watcher that asked for them.
    Notification { stream: usize, id: i64 },
}

impl Step {
    /// The step for people, on a line.
    pub fn shown(&self) -> String {
        match self {
            Self::Call(call) | Self::Compact(call) => compare::shown(call),
            Self::Calls(calls) => {
                let shown: Vec<String> = calls.iter().map(compare::shown).collect();
                shown.join("; ")
            }
            Self::LargeEvents { stream, .. } => format!("LargeEvents {{ stream: {stream} }}"),
            other => format!("{other:?}"),
        }
    }
}
