//! The checkpoint record: all that the log knows besides entries, and where it stood.
//!
//! It opens the first group of every segment and of every start. So a segment can be recycled
//! though a vote was written in it, and a start that dropped a torn group leaves a proof that it
//! did. The same value follows the log while it is written and while it is replayed, and a later
//! checkpoint must equal it: a missing or swapped piece shows.

use bytes::{Buf, BufMut, Bytes};

use super::mark::Purged;
use super::queue::Op;
use super::record::Position;

/// The log's state beside its entries, at some point of the file order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Carried {
    pub(super) vote: Option<Bytes>,
    pub(super) committed: Option<Bytes>,
    pub(super) purged: Option<Purged>,
    /// The last entry, purged or not.
    pub(super) last: Option<Position>,
}

/// The place in the file order that a checkpoint follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Follows {
    pub(super) epoch: u64,
    /// The end of the last record kept, before alignment.
    pub(super) offset: u64,
    pub(super) group: u64,
}

/// A checkpoint record's payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) follows: Follows,
    pub(super) carried: Carried,
}

impl Carried {
    /// The index that must come next, if the log has a say in it.
    pub(super) fn next_index(&self) -> Option<u64> {
        self.last.map(|last| last.index + 1)
    }

    /// Takes in one request. Truncation needs the position that becomes the last one.
    pub(super) fn apply(&mut self, op: &Op) {
        match op {
            Op::Append(entries) => {
                if let Some(last) = entries.last() {
                    self.last = Some(last.position());
                }
            }
            Op::Vote(vote) => self.vote = Some(vote.clone()),
            Op::Committed(committed) => self.committed = Some(committed.clone()),
            Op::Truncate(last) => self.last = *last,
            Op::Purge(purged) => {
                if self.last.is_none_or(|last| last.index < purged.index) {
                    self.last = Some(purged.position());
                }
                self.purged = Some(purged.clone());
            }
            Op::Seal => {}
        }
    }
}

impl Checkpoint {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        out.put_u64_le(self.follows.epoch);
        out.put_u64_le(self.follows.offset);
        out.put_u64_le(self.follows.group);
        put_position(&mut out, self.carried.last);
        put_blob(&mut out, self.carried.vote.as_ref());
        put_blob(&mut out, self.carried.committed.as_ref());
        let purged = self.carried.purged.as_ref();
        put_position(&mut out, purged.map(Purged::position));
        put_blob(&mut out, purged.map(|purged| &purged.opaque));
        out
    }

    /// None if the bytes are not a checkpoint of this format.
    pub(super) fn decode(mut bytes: Bytes) -> Option<Self> {
        let follows = Follows {
            epoch: bytes.try_get_u64_le().ok()?,
            offset: bytes.try_get_u64_le().ok()?,
            group: bytes.try_get_u64_le().ok()?,
        };
        let last = get_position(&mut bytes)?;
        let vote = get_blob(&mut bytes)?;
        let committed = get_blob(&mut bytes)?;
        let at = get_position(&mut bytes)?;
        let opaque = get_blob(&mut bytes)?;
        let purged = at.zip(opaque).map(|(at, opaque)| Purged {
            index: at.index,
            term: at.term,
            leader: at.leader,
            opaque,
        });
        bytes.is_empty().then_some(())?;
        Some(Self {
            follows,
            carried: Carried {
                vote,
                committed,
                purged,
                last,
            },
        })
    }
}

fn put_position(out: &mut Vec<u8>, position: Option<Position>) {
    out.put_u8(u8::from(position.is_some()));
    let Some(position) = position else { return };
    out.put_u64_le(position.index);
    out.put_u64_le(position.term);
    out.put_u64_le(position.leader);
}

/// The outer option: the bytes were well formed.
fn get_position(bytes: &mut Bytes) -> Option<Option<Position>> {
    if bytes.try_get_u8().ok()? == 0 {
        return Some(None);
    }
    Some(Some(Position {
        index: bytes.try_get_u64_le().ok()?,
        term: bytes.try_get_u64_le().ok()?,
        leader: bytes.try_get_u64_le().ok()?,
    }))
}

fn put_blob(out: &mut Vec<u8>, blob: Option<&Bytes>) {
    out.put_u8(u8::from(blob.is_some()));
    let Some(blob) = blob else { return };
    out.put_u32_le(u32::try_from(blob.len()).expect("payloads were limited before"));
    out.put_slice(blob);
}

fn get_blob(bytes: &mut Bytes) -> Option<Option<Bytes>> {
    if bytes.try_get_u8().ok()? == 0 {
        return Some(None);
    }
    let length = bytes.try_get_u32_le().ok()? as usize;
    (bytes.len() >= length).then(|| Some(bytes.split_to(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_survives_its_encoding() {
        let position = Position {
            index: 9,
            term: 2,
            leader: 1,
        };
        let opaque = Bytes::from_static(b"log id");
        let carried = Carried {
            vote: Some(Bytes::from_static(b"vote")),
            committed: None,
            purged: Some(Purged {
                index: 4,
                term: 1,
                leader: 1,
                opaque,
            }),
            last: Some(position),
        };
        let follows = Follows {
            epoch: 3,
            offset: 4242,
            group: 77,
        };
        let checkpoint = Checkpoint { follows, carried };
        let bytes = checkpoint.encode();
        assert_eq!(Checkpoint::decode(bytes.clone().into()), Some(checkpoint));
        for cut in 0..bytes.len() {
            assert_eq!(
                Checkpoint::decode(Bytes::copy_from_slice(&bytes[..cut])),
                None
            );
        }
    }
}
