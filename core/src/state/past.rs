//! Ranges of txns at an old revision. Apply finds which versions they had then, and only for a
//! member that answers; their records are read from disk by who waits for the answer: neither the
//! apply thread nor the state's lock waits for it. So nothing that a txn does can depend on a disk,
//! and no member reads what nobody will see.
//!
//! Until it is read, the result of such an op says that history cannot be read.

use std::sync::Arc;

use bytes::Bytes;

use super::history::History;
use super::read_room::ReadRoom;
use super::select;
use crate::command::RangeOp;
use crate::outcome::{Applied, OpResult, Outcome, PastVersion, RangeResult, Refusal};
use crate::types::{KeyValue, Version};

/// A range at an old revision: which versions it had then.
pub struct PastRange {
    pub(super) result: RangeResult,
    pub(super) versions: Vec<PastVersion>,
}

impl PastRange {
    pub(super) fn current(&mut self, record: &Arc<KeyValue>) {
        self.versions.push(PastVersion::Current(record.clone()));
    }

    pub(super) fn past(&mut self, key: &Bytes, version: Version) {
        self.versions.push(PastVersion::Past(key.clone(), version));
    }

    /// Reads the records.
    ///
    /// # Errors
    /// `HistoryUnreadable`; also of what was compacted since the versions were found.
    pub fn read(self, op: &RangeOp, history: &dyn History) -> Result<RangeResult, Refusal> {
        let mut result = self.result;
        let read = |version| match version {
            PastVersion::Current(record) => Ok(record),
            PastVersion::Past(key, version) => history.version(&key, version),
        };
        result.kvs = self
            .versions
            .into_iter()
            .map(read)
            .collect::<Result<_, _>>()?;
        select::finish(op, &mut result);
        Ok(result)
    }
}

/// Reads what an answer still lacks. What can't be read, or has no room in it, fails by itself.
pub fn read_past(applied: &mut Applied, history: &dyn History) {
    let past = std::mem::take(&mut applied.past);
    let Ok(Outcome::Txn(txn)) = &mut applied.outcome else {
        return;
    };
    let mut room = past
        .first()
        .map_or_else(ReadRoom::default, |read| ReadRoom::with(read.room));
    for read in past {
        let (op, path) = (read.op, read.path);
        let past = PastRange {
            result: read.result,
            versions: read.versions,
        };
        let admitted = match room.is_used_up() {
            true => Err(Refusal::AnswerTooLarge),
            false => past
                .read(&op, history)
                .and_then(|read| room.admit(&op, read)),
        };
        let result = admitted.map_or_else(OpResult::Failed, OpResult::Range);
        put(&mut txn.results, &path, result);
    }
}

/// Where the op stands: its place, behind those of the txns that it lies in.
fn put(results: &mut [OpResult], path: &[usize], result: OpResult) {
    let [place, inner @ ..] = path else { return };
    match results.get_mut(*place) {
        Some(OpResult::Txn(txn)) => put(&mut txn.results, inner, result),
        Some(at) => *at = result,
        None => {}
    }
}
