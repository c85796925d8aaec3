//! Typed changes of keys, which are worked out where they are applied.

use std::sync::Arc;

use bytes::Bytes;

use super::Life;
use crate::types::Hash;

/// When a string is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    Always,
    /// There is no such key.
    Absent,
    /// There is.
    Present,
    /// The key is this string.
    Equal(Bytes),
    /// It is another string, or missing.
    NotEqual(Bytes),
}

/// Changes of keys by what they are, as Redis defines them. A key that a change leaves empty is
/// deleted; what does not say otherwise keeps the life.
#[derive(Clone, Debug, PartialEq)]
pub enum DataOp {
    /// Adds to a decimal number; a missing key counts as 0.
    Add {
        key: Bytes,
        by: i64,
    },
    Append {
        key: Bytes,
        suffix: Bytes,
    },
    HashSet {
        key: Bytes,
        fields: Arc<Hash>,
        only_missing: bool,
    },
    HashDelete {
        key: Bytes,
        fields: Vec<Bytes>,
    },
    HashAdd {
        key: Bytes,
        field: Bytes,
        by: i64,
    },
    /// Sets a string, over a value of any type unless it is compared or wanted.
    Set {
        key: Bytes,
        value: Bytes,
        life: Life,
        when: When,
        /// What the key was is answered, and must be a string.
        want_old: bool,
    },
    /// Sets all of these strings, without a life, if none of the keys exists.
    SetMissing {
        pairs: Vec<(Bytes, Bytes)>,
    },
    /// Deletes a string.
    Take {
        key: Bytes,
    },
    /// Changes a string's life; no revision.
    Revive {
        key: Bytes,
        life: Life,
    },
    /// Writes over a part, behind zeros if there is nothing before it.
    SetRange {
        key: Bytes,
        offset: u64,
        part: Bytes,
    },
    /// Adds to a number with a fraction, both as text.
    AddFloat {
        key: Bytes,
        by: Bytes,
    },
    HashAddFloat {
        key: Bytes,
        field: Bytes,
        by: Bytes,
    },
    /// Deletes a string that is `value`, or one that is not.
    DeleteIf {
        key: Bytes,
        value: Bytes,
        is_equal: bool,
    },
    /// Moves a key with its life over another.
    Rename {
        key: Bytes,
        to: Bytes,
        only_missing: bool,
    },
}

impl DataOp {
    /// Whether it came with programs.
    pub(super) fn is_of_programs(&self) -> bool {
        !matches!(
            self,
            DataOp::Add { .. }
                | DataOp::Append { .. }
                | DataOp::HashSet { .. }
                | DataOp::HashDelete { .. }
                | DataOp::HashAdd { .. }
        )
    }

    /// The keys that it looks at or changes.
    pub fn keys(&self) -> impl Iterator<Item = &Bytes> {
        let (one, other, pairs) = match self {
            DataOp::Add { key, .. }
            | DataOp::Append { key, .. }
            | DataOp::HashSet { key, .. }
            | DataOp::HashDelete { key, .. }
            | DataOp::HashAdd { key, .. }
            | DataOp::Set { key, .. }
            | DataOp::Take { key }
            | DataOp::Revive { key, .. }
            | DataOp::SetRange { key, .. }
            | DataOp::AddFloat { key, .. }
            | DataOp::HashAddFloat { key, .. }
            | DataOp::DeleteIf { key, .. } => (Some(key), None, &[][..]),
            DataOp::Rename { key, to, .. } => (Some(key), Some(to), &[][..]),
            DataOp::SetMissing { pairs } => (None, None, &pairs[..]),
        };
        let named = one.into_iter().chain(other);
        named.chain(pairs.iter().map(|(key, _)| key))
    }

    /// Whether it may leave more than there was.
    pub fn needs_space(&self) -> bool {
        !matches!(
            self,
            DataOp::HashDelete { .. }
                | DataOp::Take { .. }
                | DataOp::Revive { .. }
                | DataOp::DeleteIf { .. }
        )
    }

    /// About the bytes of its encoding.
    pub fn size_hint(&self) -> usize {
        let keys: usize = self.keys().map(|key| key.len() + KEY_BYTES).sum();
        keys + match self {
            DataOp::Add { .. }
            | DataOp::Take { .. }
            | DataOp::Revive { .. }
            | DataOp::Rename { .. } => 0,
            DataOp::Append { suffix, .. } => suffix.len(),
            DataOp::HashSet { fields, .. } => fields.bytes(),
            DataOp::HashDelete { fields, .. } => fields.iter().map(Bytes::len).sum(),
            DataOp::HashAdd { field, .. } => field.len(),
            DataOp::Set { value, when, .. } => value.len() + when.size_hint(),
            DataOp::SetMissing { pairs } => pairs.iter().map(|(_, value)| value.len()).sum(),
            DataOp::SetRange { part, .. } => part.len(),
            DataOp::AddFloat { by, .. } => by.len(),
            DataOp::HashAddFloat { field, by, .. } => field.len() + by.len(),
            DataOp::DeleteIf { value, .. } => value.len(),
        }
    }
}

/// What a key takes beside its bytes, roughly.
const KEY_BYTES: usize = 4;

impl When {
    fn size_hint(&self) -> usize {
        match self {
            When::Equal(value) | When::NotEqual(value) => value.len(),
            When::Always | When::Absent | When::Present => 0,
        }
    }
}
