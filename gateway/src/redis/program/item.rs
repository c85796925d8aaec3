//! A key as a program sees it: its value and its life, wherever they came from.

use std::sync::Arc;

use bytes::Bytes;
use quorate_core::types::{Deadline, Hash, KeyValue, LeaseId, Now, Value};

use crate::redis::fault::Fault;

/// What ends a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemLife {
    Forever,
    Until(Deadline),
    /// A granted lease shared with other keys.
    Lease(LeaseId),
}

impl ItemLife {
    /// Whether a key that is given this life now ends at once.
    pub fn is_past(self, now: Now) -> bool {
        matches!(self, ItemLife::Until(deadline) if deadline.is_past(now))
    }
}

/// The value and life of an existing key.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub value: Value,
    pub life: ItemLife,
    /// The key's fencing token; 0 for a key this program has made.
    pub create_revision: i64,
}

impl Item {
    pub fn of(record: &KeyValue) -> Item {
        let life = match record.deadline {
            Some(deadline) => ItemLife::Until(deadline),
            None if record.lease == LeaseId::NONE => ItemLife::Forever,
            None => ItemLife::Lease(record.lease),
        };
        Item {
            value: record.value.clone(),
            life,
            create_revision: record.create_revision,
        }
    }

    /// The string, or WRONGTYPE.
    pub fn string(&self) -> Result<&Bytes, Fault> {
        self.value.as_bytes().ok_or(Fault::WRONG_TYPE)
    }

    /// The hash, or WRONGTYPE.
    pub fn hash(&self) -> Result<&Arc<Hash>, Fault> {
        match &self.value {
            Value::Hash(hash) => Ok(hash),
            _ => Err(Fault::WRONG_TYPE),
        }
    }

    /// Redis's name of the type.
    pub fn type_name(&self) -> &'static str {
        match &self.value {
            Value::Bytes(_) => "string",
            Value::Hash(_) => "hash",
        }
    }
}
