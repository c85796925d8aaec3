//! Why a log can't be opened, read or written. Each text names the file and what to do.

use std::io;
use std::path::{Path, PathBuf};

use super::mark::Mark;
use super::record::Identity;

const REMEDY: &str = "nothing was changed on disk; restore this member from a backup, or remove \
                      it from the cluster and add it again with an empty data directory";

/// Refusals at open, and errors of reads.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A call to the disk failed.
    #[error("write-ahead log: cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or directory concerned.
        path: PathBuf,
        /// The disk's answer.
        source: io::Error,
    },
    /// Another process holds the directory's lock file.
    #[error("write-ahead log: {} is in use by another process", path.display())]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// A segment of another cluster, member or incarnation.
    #[error(
        "write-ahead log: {} belongs to cluster {:x}, member {:x}, incarnation {:x}, not to \
         cluster {:x}, member {:x}, incarnation {:x}; put the right data directory in place, or \
         remove this member from the cluster and add it again with an empty one",
        path.display(), found.cluster, found.member, found.incarnation,
        expected.cluster, expected.member, expected.incarnation
    )]
    Foreign {
        /// The segment file.
        path: PathBuf,
        /// Whose it is.
        found: Identity,
        /// Whose was asked for.
        expected: Identity,
    },
    /// A segment under another segment's name.
    #[error(
        "write-ahead log: {} is segment {found} under the name of segment {expected}; {REMEDY}",
        path.display()
    )]
    Misplaced {
        /// The segment file.
        path: PathBuf,
        /// The epoch in its header.
        found: u64,
        /// The epoch in its name.
        expected: u64,
    },
    /// Written by a version of the program that this one can't read.
    #[error(
        "write-ahead log: {} has format version {version}, this program reads {}; start the \
         version that wrote it", path.display(), super::record::FORMAT_VERSION
    )]
    Format {
        /// The segment file.
        path: PathBuf,
        /// The version found.
        version: u8,
    },
    /// Bytes that had been synced are damaged.
    #[error("{0}")]
    Corrupt(Corruption),
    /// A segment file that is still needed is not there.
    #[error(
        "write-ahead log: {} is missing; entries from index {first_index_lost} on can't be read; \
         {REMEDY}", path.display()
    )]
    Missing {
        /// The file that should exist.
        path: PathBuf,
        /// First entry that is lost.
        first_index_lost: u64,
    },
    /// There is no log, where one was.
    #[error(
        "write-ahead log: {} holds no log, but there was one, with this member's votes and what \
         it had acknowledged: {REMEDY}", dir.display()
    )]
    Gone {
        /// The log's directory.
        dir: PathBuf,
    },
    /// The log ends before what another store knows was synced.
    #[error(
        "write-ahead log: {} ends at flush group {}, index {}, but group {} with index {} had \
         been synced: {REMEDY}", dir.display(), found.group, found.index, mark.group, mark.index
    )]
    BehindMark {
        /// The log's directory.
        dir: PathBuf,
        /// Where it ends.
        found: Mark,
        /// What was known to be synced.
        mark: Mark,
    },
    /// The entry was purged.
    #[error("log entry {index} was purged, the first one kept is {first}")]
    Purged {
        /// The index asked for.
        index: u64,
        /// The first that can be read.
        first: u64,
    },
}

impl LogError {
    /// An `Io` error, ready for `map_err`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path: path.clone(),
            source,
        }
    }
}

/// Damage to bytes that had been synced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write-ahead log: {} is corrupt at offset {offset} ({detail}); entries from index \
     {first_index_lost} on are lost on this member; {REMEDY}", path.display()
)]
pub struct Corruption {
    /// The segment file.
    pub path: PathBuf,
    /// Where the first bad record begins, in bytes.
    pub offset: u64,
    /// First index that can't be trusted any more.
    pub first_index_lost: u64,
    /// What proves that it is not a torn write.
    pub detail: String,
}

/// Why the log stopped for good: the first write or sync that failed.
///
/// Nothing is ever tried again on it: after a failed sync the kernel may have dropped the bytes
/// and report success the next time.
#[derive(Clone, Debug, thiserror::Error)]
#[error("write-ahead log: cannot {action} {}: {message}; the log is stopped", path.display())]
pub struct LogFault {
    /// What was tried, as a verb.
    pub action: &'static str,
    /// The file concerned.
    pub path: PathBuf,
    /// The kind of the disk's error, `StorageFull` for a full disk.
    pub kind: io::ErrorKind,
    /// The disk's own words.
    pub message: String,
}

impl LogFault {
    pub(super) fn new(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |e| Self {
            action,
            path,
            kind: e.kind(),
            message: e.to_string(),
        }
    }

    /// The disk's error alone.
    pub(super) fn into_io(self) -> io::Error {
        io::Error::new(self.kind, self.message)
    }

    /// The error that callbacks get.
    pub fn to_io(&self) -> io::Error {
        io::Error::new(self.kind, self.clone())
    }
}
