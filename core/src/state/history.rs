//! What a state does not hold itself: old versions.

use std::sync::Arc;

use crate::outcome::Refusal;
use crate::types::{KeyValue, Version};

/// Old versions, for reads at an old revision. Answers are the same on every member.
pub trait History {
    /// The record written at `version`, which the caller knows to be kept.
    ///
    /// # Errors
    /// If it can't be read, or isn't there: then the disk has lost it.
    fn version(&self, key: &[u8], version: Version) -> Result<Arc<KeyValue>, Unreadable>;
}

/// A record that must be there and can't be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl From<Unreadable> for Refusal {
    fn from(_: Unreadable) -> Refusal {
        Refusal::HistoryUnreadable
    }
}
