//! openraft's log on the write-ahead log. Keeps the newest entries decoded, since each is read
//! twice more on its way: by apply and by the replication to every follower.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, Range, RangeBounds};
use std::sync::Arc;

use bytes::Bytes;
use openraft::entry::RaftEntry as _;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{OptionalSend, RaftLogReader};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::types::{LogId, RaftEntry, TypeConfig, Vote};
use super::wire;
use crate::log::{Done, Log, LogError, Mark, Purged, Record, Recovered};
#[cfg(feature = "mutants")]
use crate::mutants::{self, Mutant};
use crate::versions::{LogMark, Versions};

/// Decoded entries kept, and the bytes of their payloads; small commands take three times as much
/// decoded. A follower that is further behind is served from disk.
const RECENT_ENTRIES_MAX: usize = 8_192;
const RECENT_BYTES_MAX: usize = 8 << 20;
/// Bytes of entries read from disk at once.
const READ_BYTES_MAX: usize = 8 << 20;
/// Bytes of entries sent to a peer at once; one entry is, whatever it has. (etcd: 1 MiB.)
pub(super) const APPEND_BYTES_MAX: usize = 1 << 20;

#[derive(Clone)]
pub(crate) struct LogStore {
    shared: Arc<Shared>,
    /// Lends what runs disk reads where no task is held up by them.
    versions: Versions,
}

struct Shared {
    log: Log,
    memory: Mutex<Memory>,
}

/// What is answered without the disk.
struct Memory {
    vote: Option<Vote>,
    committed: Option<LogId>,
    last: Option<LogId>,
    purged: Option<LogId>,
    /// Consecutive, ending at `last`.
    recent: VecDeque<(RaftEntry, usize)>,
    recent_bytes: usize,
}

impl LogStore {
    /// # Errors
    /// If a recovered vote or mark can't be read: another version wrote it.
    pub(crate) fn new(log: Log, recovered: &Recovered, versions: Versions) -> io::Result<LogStore> {
        let decode = |bytes: &Bytes| wire::get_vote(&mut bytes.clone());
        let vote = recovered.vote.as_ref().map(decode).transpose()?;
        let committed = match &recovered.committed {
            Some(bytes) => wire::get_log_id(&mut bytes.clone())?,
            None => None,
        };
        let purged = log
            .purged()
            .map(|purged| wire::log_id(purged.term, purged.index));
        let last = log
            .bounds()
            .map(|(_, last)| wire::log_id(last.term, last.index));
        let memory = Memory {
            vote,
            committed,
            last: last.or(purged),
            purged,
            recent: VecDeque::new(),
            recent_bytes: 0,
        };
        Ok(LogStore {
            shared: Arc::new(Shared {
                log,
                memory: Mutex::new(memory),
            }),
            versions,
        })
    }

    /// All entries of `from..to` that the log has.
    async fn read(&self, from: u64, to: u64) -> io::Result<Vec<RaftEntry>> {
        let mut entries = Vec::new();
        let mut next = from;
        while next < to {
            let mut read = self.read_some(next..to, READ_BYTES_MAX).await?;
            let Some(last) = read.last() else { break };
            next = last.log_id.index() + 1;
            entries.append(&mut read);
        }
        Ok(entries)
    }

    /// The first entries of a range: one, if the log has it, and more while they stay below
    /// `bytes_max`.
    async fn read_some(&self, range: Range<u64>, bytes_max: usize) -> io::Result<Vec<RaftEntry>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(entries) = self.shared.memory.lock().read(range.clone(), bytes_max) {
            return Ok(entries);
        }
        let shared = self.shared.clone();
        let reading = move || shared.read_disk(range, bytes_max);
        let read = self.versions.off_thread(reading).await;
        read.map_err(io::Error::other)?
    }
}

impl Shared {
    fn read_disk(&self, range: Range<u64>, bytes_max: usize) -> io::Result<Vec<RaftEntry>> {
        let records = self.log.read(range, bytes_max).map_err(io_error)?;
        let decode =
            |record: Record| wire::decode_payload(record.term, record.index, record.payload);
        records.into_iter().map(decode).collect()
    }
}

impl Memory {
    /// As `LogStore::read_some`, if what comes first is in memory or nowhere.
    fn read(&self, range: Range<u64>, bytes_max: usize) -> Option<Vec<RaftEntry>> {
        let first = self.recent.front()?.0.log_id.index();
        let skip = usize::try_from(range.start.checked_sub(first)?).ok()?;
        let take = usize::try_from(range.end - range.start).ok()?;
        let mut room = bytes_max;
        let mut entries = Vec::new();
        for (entry, bytes) in self.recent.iter().skip(skip).take(take) {
            if !entries.is_empty() && *bytes > room {
                break;
            }
            room = room.saturating_sub(*bytes);
            entries.push(entry.clone());
        }
        Some(entries)
    }

    fn push(&mut self, entry: RaftEntry, bytes: usize) {
        self.last = Some(entry.log_id);
        self.recent_bytes += bytes;
        self.recent.push_back((entry, bytes));
        while self.recent.len() > RECENT_ENTRIES_MAX || self.recent_bytes > RECENT_BYTES_MAX {
            let Some((_, bytes)) = self.recent.pop_front() else {
                return;
            };
            self.recent_bytes -= bytes;
        }
    }

    fn truncate(&mut self, last: Option<LogId>) {
        let keep = last.map_or(0, |id| id.index() + 1);
        while self
            .recent
            .back()
            .is_some_and(|(entry, _)| entry.log_id.index() >= keep)
        {
            if let Some((_, bytes)) = self.recent.pop_back() {
                self.recent_bytes -= bytes;
            }
        }
        self.last = last;
    }

    fn purge(&mut self, purged: LogId) {
        while self
            .recent
            .front()
            .is_some_and(|(e, _)| e.log_id.index() <= purged.index())
        {
            if let Some((_, bytes)) = self.recent.pop_front() {
                self.recent_bytes -= bytes;
            }
        }
        self.purged = Some(purged);
        self.last = self.last.max(Some(purged));
    }
}

fn io_error(error: LogError) -> io::Error {
    io::Error::other(error.to_string())
}

/// A callback of the log, and what to await for it.
fn durable() -> (Done, oneshot::Receiver<io::Result<()>>) {
    let (sender, receiver) = oneshot::channel();
    let done: Done = Box::new(move |result| drop(sender.send(result)));
    (done, receiver)
}

async fn finish(receiver: oneshot::Receiver<io::Result<()>>) -> io::Result<()> {
    receiver
        .await
        .unwrap_or_else(|_| Err(io::Error::other("the log stopped")))
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<RaftEntry>, io::Error> {
        let from = match range.start_bound() {
            Bound::Included(index) => *index,
            Bound::Excluded(index) => index + 1,
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(index) => index + 1,
            Bound::Excluded(index) => *index,
            Bound::Unbounded => u64::MAX,
        };
        self.read(from, to).await
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<RaftEntry>, io::Error> {
        #[cfg(feature = "mutants")]
        if mutants::is_on(Mutant::EndlessAppends) {
            return self.read(start, end).await;
        }
        self.read_some(start..end, APPEND_BYTES_MAX).await
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.shared.memory.lock().vote)
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = LogStore;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let memory = self.shared.memory.lock();
        Ok(LogState {
            last_purged_log_id: memory.purged,
            last_log_id: memory.last,
        })
    }

    async fn get_log_reader(&mut self) -> LogStore {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let mut bytes = Vec::new();
        wire::put_vote(&mut bytes, vote);
        let (done, receiver) = durable();
        self.shared.log.save_vote(bytes.into(), done);
        finish(receiver).await?;
        self.shared.memory.lock().vote = Some(*vote);
        let Mark { group, index } = self.shared.log.synced();
        // A store that has ended ends the member; the vote is on disk all the same.
        let _kept = self.versions.keep_mark(LogMark { group, index });
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        let mut bytes = Vec::new();
        wire::put_log_id(&mut bytes, committed.as_ref());
        self.shared.log.save_committed(bytes.into());
        self.shared.memory.lock().committed = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.shared.memory.lock().committed)
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: IOFlushed<TypeConfig>,
    ) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = RaftEntry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut records = Vec::new();
        let mut memory = self.shared.memory.lock();
        let leader = memory.vote.map_or(0, |vote| vote.leader_id.voted_for);
        for entry in entries {
            let id = entry.log_id();
            let term = id.committed_leader_id().term;
            let payload = wire::encode_payload(&entry);
            let bytes = payload.len();
            records.push(Record {
                index: id.index(),
                term,
                leader,
                payload,
            });
            memory.push(entry, bytes);
        }
        drop(memory);
        let done: Done = Box::new(move |result| callback.io_completed(result));
        self.shared.log.append(records, done);
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        self.shared.memory.lock().truncate(last);
        let (done, receiver) = durable();
        self.shared
            .log
            .truncate_after(last.map(|id| id.index()), done);
        finish(receiver).await
    }

    async fn purge(&mut self, purged: LogId) -> Result<(), io::Error> {
        self.shared.memory.lock().purge(purged);
        let (done, receiver) = durable();
        let term = purged.committed_leader_id().term;
        let leader = self
            .shared
            .log
            .position(purged.index())
            .map_or(0, |entry| entry.leader);
        let mark = Purged {
            index: purged.index(),
            term,
            leader,
            opaque: Bytes::new(),
        };
        self.shared.log.purge_upto(mark, done);
        finish(receiver).await
    }
}
