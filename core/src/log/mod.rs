//! Quorate's own write-ahead log: votes and entries in one file order, synced before acknowledged.
//!
//! A generic engine over opaque payloads; it knows nothing of Raft's types, of tokio or of the
//! state machine. [`Log`] takes requests and answers reads, [`Flusher`] turns everything queued
//! into one write and one sync, [`Preparer`] makes the next segment ready beforehand. Both can be
//! stepped by hand (a simulator) or run on threads ([`LogThreads`]).
//!
//! # Format
//!
//! Segments are files named after their epoch (1, 2, …); each opens with a header record. What is
//! flushed together is a *group*: a run of records, numbered, starting on an aligned boundary,
//! padded with zeros to the next one, its last record marked. Group g + 1 is written only after
//! the sync of group g returned. The first group of a segment, and of each start, begins with a
//! *checkpoint*: where the log stood before it, and all that is not an entry (vote, purge mark,
//! committed mark), so that older segments can go. `docs/LOG-FORMAT.md` has it byte by byte.
//!
//! # Which damage to the last group can't be told from a torn write
//!
//! At a start, the first record that is not valid ends the log. If any valid record of a later
//! group follows, the bad one had been synced: that is corruption and the start is refused. If
//! none follows, the bad record is of the last group, and a power cut in the middle of its write
//! looks the same as a bit that rotted after its sync: the rest of that group is dropped, with a
//! clean start. This is safe for these reasons:
//!
//! - A torn group was never acknowledged: callbacks run after the sync. Nobody was told.
//! - A synced group does not stay last: the flusher appends an empty *seal* group once the queue
//!   was idle for [`Options::seal_after`] and when it closes, so damage to anything acknowledged
//!   earlier than that is found, and damage to the seal itself loses nothing.
//! - A group with a vote is always followed by another (a seal if nothing is queued), so a member
//!   never forgets a vote silently once that seal is on disk.
//! - [`Log::synced`] is a mark to keep elsewhere (the state database); given back as
//!   [`Options::synced_at_least`] it refuses a log that ends before it, whatever the reason.
//!
//! What is left is a medium that damages, during a crash, exactly the bytes synced within the last
//! moments, before a seal or mark covered them: a disk that lied about its sync. No single copy
//! can know; the majority of the cluster does.

mod append;
mod checkpoint;
mod error;
mod flusher;
mod index;
mod mark;
mod metrics;
mod options;
mod preparer;
mod queue;
mod read;
mod record;
mod recovery;
mod scan;
mod segment;
mod shared;
mod spares;
mod tail;
mod threads;
mod writer;

pub use append::Log;
#[cfg(any(test, feature = "internals"))]
pub use error::Corruption;
pub use error::{LogError, LogFault};
pub use flusher::Flusher;
#[cfg(any(test, feature = "internals"))]
pub use flusher::Step;
pub use mark::{Mark, Purged};
pub use metrics::{LogMetrics, SYNC_BUCKET_MICROS};
pub use options::Options;
#[cfg(any(test, feature = "internals"))]
pub use preparer::Preparer;
pub use queue::Done;
#[cfg(any(test, feature = "internals"))]
pub use record::Position;
pub use record::{Identity, Record};
pub use recovery::Recovered;
#[cfg(any(test, feature = "internals"))]
pub use threads::LogThreads;
