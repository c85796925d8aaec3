//! A Redis hash: fields in order, so that every member lists them alike. A copy shares all of it,
//! and a change costs the path to one field, not the hash: versions of a large hash that differ
//! in a field each take little more than one.

use bytes::Bytes;
use rpds::RedBlackTreeMapSync;

#[derive(Clone, Debug, Default)]
pub struct Hash {
    fields: RedBlackTreeMapSync<Bytes, Bytes>,
    /// Of all fields and their values.
    bytes: usize,
}

impl Hash {
    pub fn new() -> Hash {
        Hash::default()
    }

    pub fn len(&self) -> usize {
        self.fields.size()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Bytes of all fields and their values.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn get(&self, field: &[u8]) -> Option<&Bytes> {
        self.fields.get(field)
    }

    pub fn contains_key(&self, field: &[u8]) -> bool {
        self.fields.contains_key(field)
    }

    /// Fields with their values, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.fields.iter()
    }

    pub fn keys(&self) -> impl Iterator<Item = &Bytes> {
        self.fields.keys()
    }

    pub fn values(&self) -> impl Iterator<Item = &Bytes> {
        self.fields.values()
    }

    /// Sets a field; whether it is new.
    pub fn insert(&mut self, field: Bytes, value: Bytes) -> bool {
        let replaced = self.fields.get(&field).map(Bytes::len);
        self.bytes += value.len();
        match replaced {
            Some(length) => self.bytes -= length,
            None => self.bytes += field.len(),
        }
        self.fields.insert_mut(field, value);
        replaced.is_none()
    }

    /// Whether there was such a field.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let Some(value) = self.fields.get(field) else {
            return false;
        };
        self.bytes -= field.len() + value.len();
        self.fields.remove_mut(field)
    }
}

impl PartialEq for Hash {
    fn eq(&self, other: &Hash) -> bool {
        self.bytes == other.bytes && self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Hash {}

impl Extend<(Bytes, Bytes)> for Hash {
    fn extend<I: IntoIterator<Item = (Bytes, Bytes)>>(&mut self, fields: I) {
        for (field, value) in fields {
            self.insert(field, value);
        }
    }
}

impl FromIterator<(Bytes, Bytes)> for Hash {
    fn from_iter<I: IntoIterator<Item = (Bytes, Bytes)>>(fields: I) -> Hash {
        let mut hash = Hash::new();
        hash.extend(fields);
        hash
    }
}

impl<const N: usize> From<[(Bytes, Bytes); N]> for Hash {
    fn from(fields: [(Bytes, Bytes); N]) -> Hash {
        fields.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_hash_is_a_sorted_map_and_its_copies_stay_as_they_were(
            changes in vec((0..40_u8, 0..4_u8), 0..200)
        ) {
            let (mut hash, mut model) = (Hash::new(), BTreeMap::new());
            let mut copies = Vec::new();
            for (field, value) in changes {
                let field = Bytes::from(vec![field; usize::from(field) / 8]);
                let value = Bytes::from(vec![b'v'; usize::from(value)]);
                if value.len() == 3 {
                    prop_assert_eq!(hash.remove(&field), model.remove(&field).is_some());
                } else {
                    let was = model.insert(field.clone(), value.clone());
                    prop_assert_eq!(hash.insert(field, value), was.is_none());
                }
                copies.push((hash.clone(), model.clone()));
            }
            for (hash, model) in copies {
                prop_assert!(hash.iter().eq(&model));
                let sizes = model.iter().map(|(field, value)| field.len() + value.len());
                let bytes: usize = sizes.sum();
                prop_assert_eq!((hash.len(), hash.bytes()), (model.len(), bytes));
            }
        }
    }
}
