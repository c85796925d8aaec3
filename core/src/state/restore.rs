//! Rebuilding State from what the store keeps: the scalars, leases, table rows, then every kept
//! version in the order of its revision, the lives they have got since, and of keys without history
//! the newest version.

use std::sync::Arc;

use bytes::Bytes;

use super::value::State;
use crate::codec::DecodeError;
use crate::types::{ClusterMillis, KeyValue, LeaseId};

/// The store holds something this version can't read.
#[derive(Debug, thiserror::Error)]
#[error("a row of the state can't be read: {0}")]
pub struct RestoreError(#[from] DecodeError);

impl RestoreError {
    /// Whether nothing is wrong with what is stored, but that this program is too old for it.
    pub fn is_of_newer_program(&self) -> bool {
        matches!(self.0, DecodeError::FeatureLevel { .. })
    }
}

/// A state that is being rebuilt.
#[derive(Default)]
pub struct Builder {
    state: State,
}

impl Builder {
    /// # Errors
    /// If another version wrote it.
    pub fn scalars(&mut self, bytes: Bytes) -> Result<(), RestoreError> {
        Ok(self.state.set_scalars(bytes)?)
    }

    /// Before the keys that hang on it.
    pub fn lease(&mut self, id: LeaseId, ttl_ms: u64, deadline: ClusterMillis) {
        self.state.lives.grant(id, ttl_ms, deadline);
    }

    /// Before the keys: it may say which of them have history.
    ///
    /// # Errors
    /// If another version wrote it.
    pub fn item(&mut self, name: &Bytes, row: Bytes) -> Result<(), RestoreError> {
        Ok(self.state.tables.restore(name, row)?)
    }

    /// Versions in the order of their revisions.
    pub fn version(&mut self, record: &Arc<KeyValue>) {
        let state = &mut self.state;
        let forgetful = &state.tables.forgetful;
        if let Some(old) = state.index.get(&record.key).cloned() {
            state.lives.detach(&old);
        }
        state.index.push(record, forgetful);
        if !record.is_tombstone() {
            state.lives.attach(record);
        }
    }

    /// The life that the current version has got since it was written.
    pub fn life(&mut self, record: &Arc<KeyValue>) {
        let state = &mut self.state;
        if let Some(old) = state.index.get(&record.key).cloned() {
            state.lives.detach(&old);
            state.index.replace(record);
            state.lives.attach(record);
        }
    }

    /// The current record of a key.
    pub fn get(&self, key: &[u8]) -> Option<&Arc<KeyValue>> {
        self.state.index.get(key)
    }

    pub fn build(mut self) -> State {
        if self.state.compact_revision > 0 {
            self.state.index.compact(self.state.compact_revision);
        }
        self.state
    }
}
