//! Every error that the etcd front end answers, in one table: code and exact text of etcd 3.7.1.
//!
//! Go clients tell errors apart by text, the others by code, so both are part of the contract.
//! A write must never be answered with what clients take as leave to send it again: the texts
//! "there is no address available" and "there is no connection available", and the codes
//! `DeadlineExceeded` and `Canceled` while the client still waits. Its fate could be unknown.

use quorate_core::limits::TXN_READ_BYTES_MAX;
use quorate_core::outcome::{NodeError, Refusal};
use tonic::{Code, Status};

/// What etcd's own texts begin with.
pub const PREFIX: &str = "etcdserver: ";

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    pub code: Code,
    pub message: &'static str,
}

impl Error {
    const fn new(code: Code, message: &'static str) -> Error {
        Error { code, message }
    }

    /// The text as Go prints a gRPC error; etcd puts it into a watcher's cancel reason.
    pub fn as_go_text(&self) -> String {
        format!("rpc error: code = {:?} desc = {}", self.code, self.message)
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Status {
        Status::new(error.code, error.message)
    }
}

macro_rules! table {
    ($($name:ident = $code:ident, $message:literal;)*) => {
        $(pub const $name: Error = Error::new(Code::$code, $message);)*
    };
}

table! {
    EMPTY_KEY = InvalidArgument, "etcdserver: key is not provided";
    KEY_NOT_FOUND = InvalidArgument, "etcdserver: key not found";
    VALUE_PROVIDED = InvalidArgument, "etcdserver: value is provided";
    LEASE_PROVIDED = InvalidArgument, "etcdserver: lease is provided";
    TOO_MANY_OPS = InvalidArgument, "etcdserver: too many operations in txn request";
    DUPLICATE_KEY = InvalidArgument, "etcdserver: duplicate key given in txn request";
    INVALID_API_VERSION = InvalidArgument, "etcdserver: invalid client api version";
    INVALID_SORT_OPTION = InvalidArgument, "etcdserver: invalid sort option";
    REQUEST_TOO_LARGE = InvalidArgument, "etcdserver: request is too large";
    COMPACTED = OutOfRange, "etcdserver: mvcc: required revision has been compacted";
    FUTURE_REVISION = OutOfRange, "etcdserver: mvcc: required revision is a future revision";
    LEASE_TTL_TOO_LARGE = OutOfRange, "etcdserver: too large lease TTL";
    NO_SPACE = ResourceExhausted, "etcdserver: mvcc: database space exceeded";
    // etcd maps this one to a client-side value, so that it travels as Unknown.
    TOO_MANY_REQUESTS = Unknown, "etcdserver: too many requests";
    NO_ROOM = ResourceExhausted, "quorate: too much is under way to other clients for a reply so \
                                  large; ask with a limit, or with RangeStream";
    NO_ROOM_DONE = ResourceExhausted, "quorate: too much is under way to other clients for an \
                                       answer so large; what was asked for is done";
    TXN_ANSWER = ResourceExhausted, "quorate: the ranges of this transaction return too much for \
                                     an answer, at most 32 MiB; what it writes is written";
    TXN_TOO_MUCH = ResourceExhausted, "quorate: this request writes, replaces or looks at too much \
                                       at once; nothing is changed";
    CORRUPT = DataLoss, "etcdserver: corrupt cluster";
    LEASE_NOT_FOUND = NotFound, "etcdserver: requested lease not found";
    LEASE_EXISTS = FailedPrecondition, "etcdserver: lease already exists";
    LEARNER = FailedPrecondition, "etcdserver: rpc not supported for learner";
    AUTH_OLD = InvalidArgument, "etcdserver: revision of auth store is old";
    AUTH_NOT_ENABLED = FailedPrecondition, "etcdserver: authentication is not enabled";
    PERMISSION_DENIED = PermissionDenied, "etcdserver: permission denied";
    NO_LEADER = Unavailable, "etcdserver: no leader";
    STOPPED = Unavailable, "etcdserver: server stopped";
    TIMEOUT = Unavailable, "etcdserver: request timed out";
    CLIENT_DEADLINE = DeadlineExceeded, "context deadline exceeded";
    STREAM_ORDER = Unimplemented, "RangeStream does not support custom sort orders";
    STREAM_FILTERS = Unimplemented, "RangeStream does not support revision filters";
    SESSION_EXPIRED = Unknown, "mutex: session is expired";
    ELECTION_NO_LEADER = Unknown, "election: no leader";
    ELECTION_NOT_LEADER = Unknown, "election: not leader";
    LEADER_MISSING = Unknown, "\"leader\" field must be provided";
}

/// Cancel reasons of watchers that were never made; not prefixed in etcd either.
pub const WATCHER_RANGE_EMPTY: &str = "mvcc: watcher range is empty";
pub const WATCHER_FAILED: &str = "quorate: history cannot be read on this member";
pub const WATCHER_DUPLICATE_ID: &str = "mvcc: duplicate watch ID provided on the WatchStream";

const _: () = assert!(TXN_READ_BYTES_MAX == 32 << 20, "as TXN_ANSWER says");

/// A bound of this server's, which etcd doesn't have: what there are too many of, and the bound.
pub fn too_many(what: &str, max: impl std::fmt::Display) -> Status {
    Status::resource_exhausted(format!("quorate: too many {what}, at most {max}"))
}

/// Metadata of more than this server takes.
pub fn metadata_too_large(bytes: usize, max: usize) -> Status {
    Status::resource_exhausted(format!(
        "quorate: too much metadata ({bytes} bytes vs. {max})"
    ))
}

/// A reply that gRPC could not carry: grpc-go's words, and what helps.
pub fn reply_too_large(bytes: usize, max: usize) -> Status {
    Status::resource_exhausted(format!(
        "trying to send message larger than max ({bytes} vs. {max}); ask with a limit, or with \
         RangeStream"
    ))
}

/// What etcd says where the core refuses.
pub fn refused(refusal: Refusal) -> Status {
    match refusal {
        Refusal::Compacted => COMPACTED.into(),
        Refusal::FutureRevision => FUTURE_REVISION.into(),
        Refusal::KeyNotFound => KEY_NOT_FOUND.into(),
        Refusal::LeaseNotFound => LEASE_NOT_FOUND.into(),
        Refusal::LeaseExists => LEASE_EXISTS.into(),
        Refusal::NoSpace => NO_SPACE.into(),
        Refusal::Corrupt => CORRUPT.into(),
        Refusal::TooLarge => REQUEST_TOO_LARGE.into(),
        Refusal::TooMuch => TXN_TOO_MUCH.into(),
        Refusal::Overloaded => TOO_MANY_REQUESTS.into(),
        Refusal::PermissionDenied => PERMISSION_DENIED.into(),
        Refusal::AuthOld => AUTH_OLD.into(),
        Refusal::AnswerTooLarge => TXN_ANSWER.into(),
        // No etcd request meets these; told as they are rather than dressed up.
        other => Status::unknown(format!("etcdserver: {other}")),
    }
}

/// What etcd says where the member can't answer. `is_late`: the client's own deadline has passed.
pub fn unanswered(error: NodeError, is_late: bool) -> Status {
    match error {
        NodeError::NoLeader => NO_LEADER.into(),
        NodeError::Timeout | NodeError::Unknown if is_late => CLIENT_DEADLINE.into(),
        NodeError::Timeout | NodeError::Unknown => TIMEOUT.into(),
        NodeError::Overloaded => TOO_MANY_REQUESTS.into(),
        NodeError::Stopped => STOPPED.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that clientv3 takes as leave to send a write again.
    const RETRIED: [&str; 2] = [
        "there is no address available",
        "there is no connection available",
    ];

    #[test]
    fn a_failed_write_is_never_retried_by_go_clients() {
        for error in [
            NodeError::NoLeader,
            NodeError::Timeout,
            NodeError::Unknown,
            NodeError::Overloaded,
            NodeError::Stopped,
        ] {
            let status = unanswered(error, false);
            assert!(!RETRIED.iter().any(|text| status.message().contains(text)));
            let retried = [Code::DeadlineExceeded, Code::Cancelled];
            assert!(!retried.contains(&status.code()));
        }
    }

    #[test]
    fn unknown_outcomes_are_unavailable_or_the_clients_own_deadline() {
        let status = unanswered(NodeError::Unknown, false);
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(status.message(), "etcdserver: request timed out");
        let status = unanswered(NodeError::Unknown, true);
        assert_eq!(status.code(), Code::DeadlineExceeded);
    }

    #[test]
    fn cancel_reasons_read_as_go_prints_them() {
        assert_eq!(
            PERMISSION_DENIED.as_go_text(),
            "rpc error: code = PermissionDenied desc = etcdserver: permission denied"
        );
    }
}
