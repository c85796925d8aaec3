//! The writer thread: takes changes in order and commits them.
//!
//! Commits are not durable until a durable one follows, within `durable_every` of the first that
//! was not. What is not durable is kept here, too, since a full disk makes the engine fall back
//! to its last durable commit; it is then written again, as often as it takes. A failed sync is
//! never repeated: the member stops.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::change::{Change, LogMark, Position};
use super::compaction;
use super::error::VersionsError;
use super::queue::{Answer, Request, Taken};
use super::schema::{Head, read_head};
use super::shared::Shared;
use super::source::SnapshotSource;
use super::transaction::{self, Commit};

/// Why a store on a full disk ends without its last commit.
const FULL: &str = "there is no space on its disk; what is not in it yet is read from the log at \
                    the next start";

/// How the writer paces itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub durable_every: Duration,
    pub compaction_rows: usize,
    pub no_space_retry: Duration,
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pace: Pace,
    head: Head,
    /// Committed or about to be, not durable.
    pending: VecDeque<Arc<Change>>,
    /// What this member's log had synced, as was told beside the changes.
    mark: LogMark,
    /// When the oldest of what is not durable must become so.
    durable_at: Option<Instant>,
    /// The file is not written anew unasked before.
    pub(super) rewrite_at: Instant,
}

enum Next {
    GoOn,
    Stop(Answer<Position>),
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, pace: Pace, head: Head) -> Writer {
        Writer {
            shared,
            pace,
            head,
            pending: VecDeque::new(),
            mark: LogMark::default(),
            durable_at: None,
            rewrite_at: Instant::now(),
        }
    }

    pub(super) fn is_all_durable(&self) -> bool {
        self.pending.is_empty() && self.durable_at.is_none()
    }

    /// Runs until it is told to stop, or fails for good.
    pub(super) fn run(mut self) -> Result<(), VersionsError> {
        loop {
            let deadline = match compaction::is_due(&self.head) {
                true => Some(Instant::now()),
                false => self.durable_at.or(self.rewrite_due()),
            };
            let deadline = deadline.map(Instant::into_std);
            self.shared.queue.wait(deadline, self.pace.durable_every);
            if !self.step()? {
                return Ok(());
            }
        }
    }

    /// Does what there is to do now, without waiting; false at the end.
    pub(super) fn step(&mut self) -> Result<bool, VersionsError> {
        let taken = self.shared.queue.take();
        if self.shared.queue.is_closed() {
            self.shared.close();
            return Ok(false);
        }
        let Next::Stop(answer) = self.round(taken)? else {
            return Ok(true);
        };
        self.shared.queue.close("it was closed");
        self.shared.close();
        // Who waits may have gone away.
        let _ = answer.send(Ok(self.head.position));
        Ok(false)
    }

    fn round(&mut self, taken: Taken) -> Result<Next, VersionsError> {
        let Taken { changes, requests } = taken;
        for request in &requests {
            if let Request::Mark(mark) = request {
                self.mark = *mark;
            }
        }
        let is_installing = requests.iter().any(|r| matches!(r, Request::Install(_)));
        let is_overdue = self.durable_at.is_some_and(|at| at <= Instant::now());
        let wants_durable = requests.iter().any(|r| {
            matches!(
                r,
                Request::Mark(_)
                    | Request::Flush(_)
                    | Request::Snapshot(_)
                    | Request::Rewrite(_)
                    | Request::Stop(_)
            )
        });
        // What was gathered for as long as anything may stay undurable is made durable at once.
        let is_gathered = !changes.is_empty() && self.shared.queue.is_drained();
        let has_work = !changes.is_empty() || compaction::is_due(&self.head);
        if !is_installing && (has_work || is_overdue || wants_durable) {
            self.commit(changes, is_overdue || wants_durable || is_gathered)?;
        }
        // It takes long: nobody waits for an answer meanwhile.
        let is_due = |due| due <= Instant::now();
        if requests.is_empty() && self.rewrite_due().is_some_and(is_due) {
            let rewritten = self.rewrite()?;
            tracing::info!(
                ?rewritten,
                "the versions store was larger than what it holds"
            );
        }
        for request in requests {
            if let Next::Stop(answer) = self.answer(request)? {
                return Ok(Next::Stop(answer));
            }
        }
        Ok(Next::GoOn)
    }

    fn answer(&mut self, request: Request) -> Result<Next, VersionsError> {
        // A failure to send only means that who asked no longer waits.
        match request {
            Request::Mark(_) => {}
            Request::Commit(answer) => drop(answer.send(Ok(()))),
            Request::Flush(answer) => drop(answer.send(Ok(self.head.position))),
            Request::Snapshot(answer) => drop(answer.send(self.snapshot())),
            Request::Rewrite(answer) => drop(answer.send(Ok(self.rewrite()?))),
            Request::Install(answer) => {
                let result = self.install();
                // Without a live database there is nothing to go on with.
                let failed = result.as_ref().err().map(ToString::to_string);
                drop(answer.send(result));
                if let Some(why) = failed {
                    return Err(VersionsError::Snapshot(why));
                }
            }
            Request::Fail(why) => return Err(VersionsError::Damaged(why)),
            Request::Stop(answer) => return Ok(Next::Stop(answer)),
        }
        Ok(Next::GoOn)
    }

    /// Commits `changes`; waits and tries again while the disk is full.
    fn commit(&mut self, changes: Vec<Arc<Change>>, is_durable: bool) -> Result<(), VersionsError> {
        let committed = self.pending.len();
        self.pending.extend(changes);
        let mut skip = committed;
        let mut commit = Commit {
            is_durable,
            compaction_rows: self.pace.compaction_rows,
            mark: self.mark,
        };
        loop {
            match self.try_commit(skip, commit) {
                Ok(head) => {
                    self.committed(head, commit.is_durable);
                    return Ok(());
                }
                Err(error) if error.is_no_space() && !self.sync_failed()? => {
                    self.shared.no_space.store(true, Ordering::Release);
                    tracing::error!(%error, "no space for the versions store; waiting for some");
                    self.reopen()?;
                    // All that was not durable is gone with the old handle: write all of it, and
                    // without deletions, which would first take more room.
                    let durable = self.shared.read(read_head)?.unwrap_or_default().position;
                    self.pending
                        .retain(|change| change.position.index > durable.index);
                    skip = 0;
                    commit.is_durable = true;
                    commit.compaction_rows = 0;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn try_commit(&self, skip: usize, commit: Commit) -> Result<Head, VersionsError> {
        let (database, _) = self.shared.database()?;
        let transaction = database.begin_write()?;
        let changes = self.pending.iter().skip(skip).map(|change| &**change);
        transaction::write(transaction, changes, commit)
    }

    fn committed(&mut self, head: Head, is_durable: bool) {
        self.head = head;
        self.shared.no_space.store(false, Ordering::Release);
        if is_durable {
            self.pending.clear();
            self.durable_at = None;
        } else {
            self.durable_at
                .get_or_insert_with(|| Instant::now() + self.pace.durable_every);
        }
        self.shared.set_marks(&head, is_durable);
    }

    fn sync_failed(&self) -> Result<bool, VersionsError> {
        Ok(self.shared.database()?.1.sync_failed())
    }

    /// After a failed write the engine serves nothing more until it is opened anew.
    fn reopen(&self) -> Result<(), VersionsError> {
        self.shared.close();
        // Reads go on from the file as it is while the writer waits for room.
        let mut opened = self.shared.open();
        loop {
            std::thread::sleep(self.pace.no_space_retry);
            if self.shared.queue.is_closed() {
                return Err(VersionsError::Stopped(self.shared.queue.reason()));
            }
            // Who stops waits for no room: all of it is in the log.
            if self.shared.queue.is_ending() {
                return Err(VersionsError::Stopped(FULL.to_owned()));
            }
            match opened {
                Err(error) if error.is_no_space() => opened = self.shared.open(),
                other => return other,
            }
        }
    }

    /// A read transaction on just what is durable: this thread commits nothing in between.
    fn snapshot(&self) -> Result<SnapshotSource, VersionsError> {
        assert!(self.pending.is_empty(), "a durable commit came first");
        let (database, _) = self.shared.database()?;
        SnapshotSource::begin(&database)
    }

    /// What is queued or pending precedes the snapshot that takes its place.
    fn install(&mut self) -> Result<(), VersionsError> {
        self.pending.clear();
        self.durable_at = None;
        self.replace()?;
        self.shared.recent.reset(self.head.revision);
        Ok(())
    }

    /// The install slot takes the live one's place.
    pub(super) fn replace(&mut self) -> Result<(), VersionsError> {
        self.shared.close();
        let promoted = self.shared.medium.promote();
        self.shared.open()?;
        promoted.map_err(VersionsError::io("cannot put the new file in place"))?;
        self.head = self.shared.read(read_head)?.unwrap_or_default();
        self.shared.set_marks(&self.head, true);
        Ok(())
    }
}
