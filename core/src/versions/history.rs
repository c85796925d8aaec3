//! Old versions by their revision, wherever they are.

use std::sync::Arc;

use super::error::VersionsError;
use super::schema::{self, LATEST, RECENT, Row, VERSIONS};
use super::store::Versions;
use crate::outcome::RevisionEvents;
use crate::state::{History, Unreadable};
use crate::types::{KeyValue, Version};

impl Versions {
    /// The record of `key` written at `version`, with the life it was written with; None if
    /// there is none (any more).
    pub fn get(
        &self,
        key: &[u8],
        version: Version,
    ) -> Result<Option<Arc<KeyValue>>, VersionsError> {
        // Memory first: what it has dropped was on disk before.
        if let Some(kv) = self.shared.recent.version(key, version) {
            return Ok(Some(kv));
        }
        // No version is in both tables, and those without history are seldom asked for.
        match self.row(key, version)? {
            Some(kv) => Ok(Some(kv)),
            None => self.forgetful(key, version),
        }
    }

    fn row(&self, key: &[u8], version: Version) -> Result<Option<Arc<KeyValue>>, VersionsError> {
        self.shared.read(|transaction| {
            let rows = transaction.open_table(VERSIONS)?;
            let row = rows.get(schema::version_key(version).as_slice())?;
            let Some(row) = row else { return Ok(None) };
            let row: Row = schema::decode("version", row.value())?;
            Ok((row.kv.key == key).then_some(row.kv))
        })
    }

    fn forgetful(
        &self,
        key: &[u8],
        version: Version,
    ) -> Result<Option<Arc<KeyValue>>, VersionsError> {
        self.shared.read(|transaction| {
            let recent = transaction.open_table(RECENT)?;
            let from = schema::recent_key(version.main);
            for row in recent.range(from.as_slice()..)? {
                let (key_of_row, row) = row?;
                let row: Vec<RevisionEvents> = schema::decode("recent events", row.value())?;
                let mut events = row.into_iter().flat_map(|revision| revision.events);
                let found = events.find(|event| event.kv.modified == version);
                if let Some(event) = found {
                    return Ok((event.kv.key == key).then_some(event.kv));
                }
                // A large revision goes on in the next row.
                if schema::parse_version_key(key_of_row.value())?.main > version.main {
                    break;
                }
            }
            let latest = transaction.open_table(LATEST)?;
            let Some(row) = latest.get(key)? else {
                return Ok(None);
            };
            let kv: Arc<KeyValue> = schema::decode("record", row.value())?;
            Ok((kv.modified == version).then_some(kv))
        })
    }
}

impl History for Versions {
    fn version(&self, key: &[u8], version: Version) -> Result<Arc<KeyValue>, Unreadable> {
        match self.get(key, version) {
            Ok(Some(kv)) => Ok(kv),
            Ok(None) => {
                tracing::error!(?version, "a version that must be in history is not there");
                Err(Unreadable)
            }
            Err(error) => {
                tracing::error!(%error, "history cannot be read");
                Err(Unreadable)
            }
        }
    }
}
