//! A snapshot on its way in: chunks are checked and filled into the install slot, which takes the
//! live one's place only when all of it was there, whole and of this cluster.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use redb::{Database, Durability};

use super::error::VersionsError;
use super::guarded::{NONSENSE, Panicked, guarded};
use super::medium::{Health, Slot};
use super::queue::Request;
use super::schema::{self, TABLES, read_head};
use super::shared::open_slot;
use super::snapshot::{
    CHUNK_BYTES_MAX, CHUNK_HEAD_BYTES, End, Header, KIND_END, KIND_HEADER, KIND_ROWS,
};
use super::store::Versions;
use super::transaction::{self, RECENT_PREV_BYTES_MAX, RECENT_ROW_BYTES};
use crate::limits::REQUEST_BYTES_MAX;
use crate::types::ClusterId;

/// Longest row: a record with the largest key and value, however they are encoded, and some.
const ROW_BYTES_MAX: usize = 64 * 1024 * 1024;
const _: () = assert!(
    ROW_BYTES_MAX > 16 * REQUEST_BYTES_MAX + RECENT_ROW_BYTES + RECENT_PREV_BYTES_MAX,
    "whatever is written can be sent"
);
/// Rows are committed to the install slot in such portions.
const PORTION_BYTES: usize = 4 * 1024 * 1024;
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Takes chunks in order; dropped before `seal`, it changes nothing.
pub struct Installer {
    versions: Versions,
    cluster: ClusterId,
    /// Of `Shared::install_slot`.
    turn: u64,
    _holds: Arc<()>,
    database: Option<Database>,
    header: Option<Header>,
    end: Option<End>,
    found: End,
    sequence: u64,
    /// The stream from the first row that is not complete or not committed.
    stream: Vec<u8>,
}

impl Versions {
    /// Begins to take in a snapshot. Only one at a time: one that is still coming in is given up.
    ///
    /// # Errors
    /// While one that has come in is being put in place.
    pub fn install(&self) -> Result<Installer, VersionsError> {
        Installer::begin(self.clone(), self.cluster)
    }
}

fn refused(why: impl Into<String>) -> VersionsError {
    VersionsError::Snapshot(why.into())
}

/// A panic of the engine over the slot that is filled ends this install: another file serves.
fn unless_panicked<T>(call: impl FnOnce() -> Result<T, VersionsError>) -> Result<T, VersionsError> {
    guarded(call).unwrap_or_else(|Panicked| Err(refused(NONSENSE)))
}

impl Installer {
    fn begin(versions: Versions, cluster: ClusterId) -> Result<Installer, VersionsError> {
        let what = "cannot make room for a snapshot";
        let shared = versions.shared.clone();
        let mut slot = shared.install_slot.lock();
        if slot.is_sealed && !is_shared() {
            return Err(refused("one that came in before is being put in place"));
        }
        slot.turn += 1;
        shared.medium.discard().map_err(VersionsError::io(what))?;
        let health = Arc::new(Health::default());
        let database = open_slot(&*shared.medium, Slot::Install, &health, CACHE_BYTES)?;
        Ok(Installer {
            versions,
            cluster,
            turn: slot.turn,
            _holds: Arc::clone(&slot.holders),
            database: Some(database),
            header: None,
            end: None,
            found: End::default(),
            sequence: 0,
            stream: Vec::new(),
        })
    }

    /// Takes the next chunk. After an error the installer is of no more use.
    pub fn chunk(&mut self, chunk: &[u8]) -> Result<(), VersionsError> {
        unless_panicked(|| self.take(chunk))
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), VersionsError> {
        self.check_turn(self.versions.shared.install_slot.lock().turn)?;
        if chunk.len() < CHUNK_HEAD_BYTES || chunk.len() > CHUNK_BYTES_MAX {
            return Err(refused("a chunk has a length that none has"));
        }
        let (mut head, payload) = chunk.split_at(CHUNK_HEAD_BYTES);
        if head.get_u32_le() != crc32c::crc32c(&chunk[4..]) {
            return Err(refused("the checksum of a chunk is wrong"));
        }
        let sequence = head.get_u64_le();
        if sequence != self.sequence {
            let expected = self.sequence;
            return Err(refused(format!(
                "chunk {sequence} where {expected} was due"
            )));
        }
        self.sequence += 1;
        match (head.get_u8(), self.header, self.end) {
            (KIND_HEADER, None, None) => self.header(payload),
            (KIND_ROWS, Some(_), None) => self.rows(payload),
            (KIND_END, Some(_), None) => {
                self.end = Some(schema::decode("end of a snapshot", payload)?);
                Ok(())
            }
            (kind, _, _) => Err(refused(format!("a chunk of kind {kind} is out of place"))),
        }
    }

    fn header(&mut self, payload: &[u8]) -> Result<(), VersionsError> {
        let header: Header = schema::decode("header of a snapshot", payload)?;
        if header.cluster != self.cluster {
            return Err(refused(format!(
                "it is of cluster {:016x}, this is a member of {:016x}",
                header.cluster, self.cluster
            )));
        }
        self.header = Some(header);
        Ok(())
    }

    fn rows(&mut self, payload: &[u8]) -> Result<(), VersionsError> {
        self.stream.extend_from_slice(payload);
        if self.stream.len() >= PORTION_BYTES {
            self.commit(Durability::None)?;
        }
        if self.stream.len() > ROW_BYTES_MAX {
            return Err(refused("a row is longer than any can be"));
        }
        Ok(())
    }

    /// Commits all rows that are complete.
    fn commit(&mut self, durability: Durability) -> Result<(), VersionsError> {
        let database = self.database.as_ref().expect("open until finished");
        let mut transaction = database.begin_write()?;
        if matches!(durability, Durability::Immediate) {
            transaction.set_quick_repair(true);
        }
        transaction.set_durability(durability)?;
        let mut rest = self.stream.as_slice();
        {
            let mut tables = Vec::new();
            for table in TABLES {
                tables.push(transaction.open_table(table)?);
            }
            while let Some(split) = split_row(rest) {
                let number = split.table;
                let table = tables.get_mut(usize::from(number));
                let table = table.ok_or_else(|| refused(format!("table {number} is not known")))?;
                table.insert(split.key, split.row)?;
                let taken = &rest[..rest.len() - split.rest.len()];
                self.found.rows += 1;
                self.found.bytes += taken.len() as u64;
                self.found.crc32c = crc32c::crc32c_append(self.found.crc32c, taken);
                rest = split.rest;
            }
        }
        transaction.commit()?;
        let taken = self.stream.len() - rest.len();
        self.stream.drain(..taken);
        Ok(())
    }

    /// Checks that all of it is there, as it was sent. From then on the slot is this snapshot's
    /// alone: one that comes later has to wait, since nobody can go back on an install once Raft
    /// knows of it.
    ///
    /// # Errors
    /// A snapshot that is torn, or after which another was begun, is refused: all stays as it was.
    pub fn seal(self) -> Result<Sealed, VersionsError> {
        unless_panicked(|| self.close())
    }

    fn close(mut self) -> Result<Sealed, VersionsError> {
        let end = self.end.ok_or_else(|| refused("its end is missing"))?;
        self.commit(Durability::Immediate)?;
        if end != self.found || !self.stream.is_empty() {
            return Err(refused("its rows are not those that were sent"));
        }
        self.check_head()?;
        self.keep_log_mark()?;
        drop(self.database.take());
        let mut slot = self.versions.shared.install_slot.lock();
        self.check_turn(slot.turn)?;
        assert!(
            !slot.is_sealed || is_shared(),
            "whoever has the turn has the slot"
        );
        slot.is_sealed = true;
        Ok(Sealed {
            versions: self.versions.clone(),
            _holds: self._holds,
        })
    }

    /// A leader that is no longer one may still be sending; what begins later replaces it.
    fn check_turn(&self, turn: u64) -> Result<(), VersionsError> {
        match turn == self.turn || is_shared() {
            true => Ok(()),
            false => Err(refused(
                "another one that came in later has taken its place",
            )),
        }
    }

    /// What was synced of this member's own log stays known; the sender's says nothing here.
    fn keep_log_mark(&self) -> Result<(), VersionsError> {
        let database = self.database.as_ref().expect("open until finished");
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(true);
        let mut head = transaction::head(&transaction)?;
        head.log = self.versions.shared.marks().log;
        transaction::put_head(&transaction, &head)?;
        transaction.commit()?;
        Ok(())
    }

    fn check_head(&self) -> Result<(), VersionsError> {
        use redb::ReadableDatabase;
        let database = self.database.as_ref().expect("open until finished");
        let head = read_head(&database.begin_read()?)?;
        let head = head.ok_or_else(|| refused("it has no head"))?;
        let found = Header {
            cluster: head.cluster,
            position: head.position,
            revision: head.revision,
        };
        match self.header == Some(found) {
            true => Ok(()),
            false => Err(refused("its header is not that of its rows")),
        }
    }
}

/// A snapshot that has come in, whole. Dropped before it is installed, it changes nothing.
pub struct Sealed {
    versions: Versions,
    _holds: Arc<()>,
}

impl Sealed {
    /// Makes it the live store, durably; what had not been committed before is dropped. Nothing may
    /// be submitted meanwhile.
    pub fn install(self) -> Result<(), VersionsError> {
        self.versions.ask(Request::Install)
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        self.versions.shared.install_slot.lock().is_sealed = false;
    }
}

/// Whether the slot is, as it never may be.
fn is_shared() -> bool {
    #[cfg(feature = "mutants")]
    return crate::mutants::is_on(crate::mutants::Mutant::TwoInstalls);
    #[cfg(not(feature = "mutants"))]
    false
}

/// A whole row at the beginning of the stream, and what follows it.
struct Split<'a> {
    table: u8,
    key: &'a [u8],
    row: &'a [u8],
    rest: &'a [u8],
}

fn split_row(stream: &[u8]) -> Option<Split<'_>> {
    let (&table, rest) = stream.split_first()?;
    let (key, rest) = split_bytes(rest)?;
    let (row, rest) = split_bytes(rest)?;
    Some(Split {
        table,
        key,
        row,
        rest,
    })
}

fn split_bytes(stream: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = stream.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)
}

/// Chunks of a whole snapshot, for callers that have them as an iterator.
impl Installer {
    pub fn all(
        mut self,
        chunks: impl IntoIterator<Item = Result<Bytes, VersionsError>>,
    ) -> Result<(), VersionsError> {
        for chunk in chunks {
            self.chunk(&chunk?)?;
        }
        self.seal()?.install()
    }
}
