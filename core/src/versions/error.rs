//! What can go wrong with the versions store.

use crate::codec::DecodeError;
use crate::types::Revision;

#[derive(Debug, thiserror::Error)]
pub enum VersionsError {
    #[error("{what}: {source}")]
    Io {
        what: String,
        source: std::io::Error,
    },
    #[error("versions store: {0}")]
    Storage(#[from] redb::Error),
    /// A row, a mark or a chunk is not what this program writes.
    #[error("versions store: {what}: {source}")]
    Undecodable {
        what: &'static str,
        source: DecodeError,
    },
    /// What, why, and what to do: one message for the operator.
    #[error("{0}")]
    Refused(String),
    /// The same, of a store that is not as it was written. The member can't go on.
    #[error("{0}")]
    Damaged(String),
    /// What was asked for has been forgotten; the revision from which on it is there.
    #[error("required revision has been compacted (compact revision {0})")]
    Compacted(Revision),
    #[error("required revision is a future revision")]
    FutureRevision,
    #[error("snapshot refused: {0}")]
    Snapshot(String),
    #[error("versions store is stopped: {0}")]
    Stopped(String),
}

impl VersionsError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> VersionsError {
        let what = what.into();
        move |source| VersionsError::Io { what, source }
    }

    pub(crate) fn undecodable(what: &'static str) -> impl FnOnce(DecodeError) -> VersionsError {
        move |source| VersionsError::Undecodable { what, source }
    }

    /// Whether the disk (or the quota on it) is full, which room made elsewhere cures.
    pub(crate) fn is_no_space(&self) -> bool {
        let error = match self {
            VersionsError::Io { source, .. } => source,
            VersionsError::Storage(redb::Error::Io(source)) => source,
            _ => return false,
        };
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(error.kind(), StorageFull | QuotaExceeded)
    }

    /// Told as damage, if it is any.
    pub(super) fn judged(self) -> VersionsError {
        let is_damage = match &self {
            VersionsError::Undecodable { .. } => true,
            VersionsError::Storage(error) => matches!(error, redb::Error::Corrupted(_)),
            _ => false,
        };
        match is_damage {
            true => VersionsError::damaged(&self.to_string()),
            false => self,
        }
    }

    pub(crate) fn damaged(why: &str) -> VersionsError {
        VersionsError::Damaged(format!(
            "the versions store (versions.redb) is damaged: {why}. Keep the data \
             directory as evidence; then remove this member from the cluster and add it again \
             with an empty directory, or restore a single-member cluster from a backup"
        ))
    }

    /// Whether the database was closed under a reader, because another took its place.
    pub(crate) fn is_closed(&self) -> bool {
        use redb::Error::{DatabaseClosed, PreviousIo};
        matches!(self, VersionsError::Storage(DatabaseClosed | PreviousIo))
    }
}

macro_rules! from_redb {
    ($($error:ident),+) => {
        $(impl From<redb::$error> for VersionsError {
            fn from(error: redb::$error) -> VersionsError {
                VersionsError::Storage(error.into())
            }
        })+
    };
}

from_redb!(
    DatabaseError,
    TransactionError,
    TableError,
    StorageError,
    CommitError
);
from_redb!(SetDurabilityError);
