//! The store as the node holds it.

use std::sync::Arc;
use std::sync::mpsc::{TryRecvError, sync_channel};
use std::time::Duration;

use bytes::Bytes;
use redb::ReadableDatabase;

use super::change::{Change, LogMark, Position};
use super::error::VersionsError;
use super::guarded::or_damaged;
use super::medium::Medium;
use super::queue::{Answer, Lag, Queue, Request, Rewritten};
use super::recent::RecentEvents;
use super::restore::Restore;
use super::schema::{self, Head, MEMBERSHIP, ONLY, TABLES, read_head};
use super::shared::Shared;
use super::snapshot::SnapshotReader;
use super::transaction;
use super::worker::Hand;
use super::writer::{Pace, Writer};
use crate::types::{ClusterId, Revision};

/// Sizes and paces; the defaults are what a member runs with.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long what is committed may stay undurable.
    pub durable_every: Duration,
    /// Bytes that may be queued before apply waits for room; `lag` is high from half of it on.
    pub queue_bytes_max: usize,
    /// Bytes of changes in one transaction.
    pub commit_bytes: usize,
    /// Rows that one slice of compaction looks at.
    pub compaction_rows: usize,
    /// Between tries while the disk is full.
    pub no_space_retry: Duration,
    /// The engine's cache.
    pub cache_bytes: usize,
    /// Events kept in memory beyond those that are not durable.
    pub recent_revisions_max: usize,
    pub recent_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            durable_every: Duration::from_millis(75),
            queue_bytes_max: 64 * 1024 * 1024,
            commit_bytes: 4 * 1024 * 1024,
            compaction_rows: 512,
            no_space_retry: Duration::from_millis(500),
            cache_bytes: 32 * 1024 * 1024,
            recent_revisions_max: 100_000,
            recent_bytes_max: 32 * 1024 * 1024,
        }
    }
}

/// Bytes on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Of the file.
    pub file: u64,
    /// Of the rows in it: what is left of the file is free pages and the engine's own.
    pub in_use: u64,
    /// The same without what is kept for watches that resume, which goes by itself.
    pub kept: u64,
}

/// Cheap to clone. All calls but `submit`, `lag`, `sizes`, `recent` and the marks wait for
/// the disk: not for async workers.
#[derive(Clone)]
pub struct Versions {
    pub(super) shared: Arc<Shared>,
    pub(super) cluster: ClusterId,
    /// The writer, if it has no thread of its own.
    hand: Option<Hand>,
    _handle: Arc<Handle>,
}

/// The writer ends with the last handle; what `close` has not made durable may then be lost.
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.queue.close("its last handle was dropped");
    }
}

/// What `open` found, all as of one durable transaction.
pub struct Opened {
    pub versions: Versions,
    /// Index 0: nothing was applied yet.
    pub position: Position,
    /// What of this member's log had been synced.
    pub log: LogMark,
    pub revision: Revision,
    pub compact_revision: Revision,
    pub membership: Option<Bytes>,
    pub parts: Restore,
}

impl Versions {
    /// Opens or makes the store. `on_fatal` is called once, from the writer thread, if the member
    /// must stop, with the reason for the operator.
    pub fn open(
        medium: Arc<dyn Medium>,
        cluster: ClusterId,
        options: Options,
        on_fatal: impl FnOnce(String) + Send + 'static,
    ) -> Result<Opened, VersionsError> {
        let (versions, writer) = Versions::begin(medium, cluster, options)?;
        let opened = versions.reopened()?;
        writer.spawn(on_fatal)?;
        Ok(opened)
    }

    /// As `open`, for a simulation: there is no thread. Somebody must call `step` regularly;
    /// calls that wait for the writer step it themselves. `slowness` is what work off the core's
    /// thread is late, each time.
    pub fn open_stepped(
        medium: Arc<dyn Medium>,
        cluster: ClusterId,
        options: Options,
        slowness: impl Fn() -> Option<Duration> + Send + Sync + 'static,
        on_fatal: impl FnOnce(String) + Send + 'static,
    ) -> Result<Opened, VersionsError> {
        let (mut versions, writer) = Versions::begin(medium, cluster, options)?;
        versions.hand = Some(Hand::new(writer, slowness, on_fatal));
        versions.reopened()
    }

    fn begin(
        medium: Arc<dyn Medium>,
        cluster: ClusterId,
        options: Options,
    ) -> Result<(Versions, Writer), VersionsError> {
        let what = "cannot discard an unfinished snapshot";
        medium.discard().map_err(VersionsError::io(what))?;
        let recent = RecentEvents::new(0, options.recent_revisions_max, options.recent_bytes_max);
        let queue = Queue::new(options.queue_bytes_max, options.commit_bytes);
        let shared = Shared::new(medium, queue, Arc::new(recent), options.cache_bytes);
        let shared = Arc::new(shared);
        shared.open()?;
        let head = or_damaged(|| prepare(&shared, cluster))?;
        shared.recent.reset(head.revision);
        shared.set_marks(&head, true);
        let versions = Versions {
            _handle: Arc::new(Handle(Arc::clone(&shared))),
            shared: Arc::clone(&shared),
            cluster,
            hand: None,
        };
        let pace = Pace {
            durable_every: options.durable_every,
            compaction_rows: options.compaction_rows,
            no_space_retry: options.no_space_retry,
        };
        Ok((versions, Writer::new(shared, pace, head)))
    }

    /// All of State as it is on disk: after `open`, and again after an install.
    pub fn reopened(&self) -> Result<Opened, VersionsError> {
        self.shared.read(|transaction| {
            let head = read_head(transaction)?.unwrap_or_default();
            let membership = transaction.open_table(MEMBERSHIP)?.get(ONLY)?;
            let membership = membership.map(|row| schema::decode_opaque("membership", row.value()));
            Ok(Opened {
                versions: self.clone(),
                position: head.position,
                log: head.log,
                revision: head.revision,
                compact_revision: head.compact_revision,
                membership: membership.transpose()?,
                parts: Restore::new(transaction)?,
            })
        })
    }

    /// Waits while far too much is queued (`lag` warns long before), as while the disk is full.
    /// Not under a lock that readers need. Returns, too, once the store takes nothing any more.
    pub fn wait_for_room(&self) {
        match &self.hand {
            Some(hand) => {
                while !self.shared.queue.has_room() {
                    hand.step();
                }
            }
            None => self.shared.queue.wait_for_room(),
        }
    }

    /// From now on nobody waits for room: what little still comes is taken.
    pub fn stop_waiting(&self) {
        self.shared.queue.stop_waiting();
    }

    /// Hands over what an entry did; in log order, entries without effects included. Its events
    /// are readable at once. Never waits: see `wait_for_room`.
    pub fn submit(&self, change: Change) -> Result<(), VersionsError> {
        for events in &change.revisions {
            self.shared.recent.push(Arc::clone(events));
        }
        self.shared.queue.submit(Arc::new(change))
    }

    /// How far this member's log has been synced; durable soon after. For what the log holds beside
    /// entries: a vote that is forgotten may be cast twice.
    pub fn keep_mark(&self, mark: LogMark) -> Result<(), VersionsError> {
        self.shared.queue.request(Request::Mark(mark))
    }

    pub fn lag(&self) -> Lag {
        self.shared.queue.lag()
    }

    /// Whether the writer is waiting for room on the disk.
    pub fn has_no_space(&self) -> bool {
        self.shared.has_no_space()
    }

    /// The newest events.
    pub fn recent(&self) -> &Arc<RecentEvents> {
        &self.shared.recent
    }

    /// What a crash leaves at least: Raft's log may be purged up to here.
    pub fn durable(&self) -> Position {
        self.shared.marks().durable
    }

    /// Resolves once what compaction to `revision` hides is deleted, durably: no crash brings it
    /// back. Never if the store stops first.
    pub async fn compacted(&self, revision: Revision) {
        self.shared.compacted(revision).await;
    }

    /// Waits for nothing.
    pub fn sizes(&self) -> Sizes {
        let marks = self.shared.marks();
        Sizes {
            file: self.shared.file_bytes(),
            in_use: marks.row_bytes,
            kept: self.kept_bytes(),
        }
    }

    /// Of `Sizes`.
    pub fn kept_bytes(&self) -> u64 {
        let marks = self.shared.marks();
        marks.row_bytes.saturating_sub(marks.recent_bytes)
    }

    /// Makes everything submitted before durable; returns the durable position.
    pub fn flush(&self) -> Result<Position, VersionsError> {
        self.ask(Request::Flush)
    }

    /// Writes the file anew, so that it is no larger than what it holds needs.
    pub fn rewrite(&self) -> Result<Rewritten, VersionsError> {
        self.ask(Request::Rewrite)
    }

    /// A consistent stream of everything, of just what is durable once this returns.
    pub fn snapshot(&self) -> Result<SnapshotReader, VersionsError> {
        SnapshotReader::new(self.ask(Request::Snapshot)?, Arc::clone(&self.shared))
    }

    /// The last durable commit; closed when it returns.
    pub fn close(&self) -> Result<Position, VersionsError> {
        self.ask(Request::Stop)
    }

    /// Lets a writer without a thread do what there is to do; nothing if it has one.
    pub fn step(&self) {
        if let Some(hand) = &self.hand {
            hand.step();
        }
    }

    /// Runs what waits for the disk where no async worker is held up by it; right here when the
    /// store is stepped.
    pub(crate) async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, tokio::task::JoinError> {
        match &self.hand {
            Some(hand) => {
                hand.be_late().await;
                Ok(work())
            }
            None => tokio::task::spawn_blocking(work).await,
        }
    }

    pub(super) fn ask<T>(&self, request: fn(Answer<T>) -> Request) -> Result<T, VersionsError> {
        let (answer, answered) = sync_channel(1);
        self.shared.queue.request(request(answer))?;
        // What was submitted before may take more than one step.
        while let Some(hand) = &self.hand {
            hand.step();
            match answered.try_recv() {
                Ok(answer) => return answer,
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => break,
            }
        }
        let stopped = |_| VersionsError::Stopped(self.shared.queue.reason());
        answered.recv().map_err(stopped)?
    }
}

/// Makes the tables of a new store, and refuses one of another cluster.
fn prepare(shared: &Shared, cluster: ClusterId) -> Result<Head, VersionsError> {
    let (database, _) = shared.database()?;
    if let Some(head) = read_head(&database.begin_read()?)? {
        return match head.cluster == cluster {
            true => Ok(head),
            false => Err(VersionsError::Refused(format!(
                "the versions store is of cluster {:016x}, but this is a member of \
                 {cluster:016x}; put back the versions.redb that belongs here",
                head.cluster
            ))),
        };
    }
    let head = Head {
        cluster,
        ..Head::default()
    };
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    for table in TABLES {
        transaction.open_table(table)?;
    }
    transaction::put_head(&transaction, &head)?;
    transaction.commit()?;
    Ok(head)
}
