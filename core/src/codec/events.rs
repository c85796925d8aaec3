//! Encoding of events, for the recent changes of keys that keep no history.

use super::wire::{DecodeError, Reader, Wire, wire_enum, wire_struct};
use crate::outcome::{Cause, Event, RevisionEvents};

/// Every event is made: what was swept together comes back one by one.
impl Wire for RevisionEvents {
    fn put(&self, out: &mut Vec<u8>) {
        self.revision.put(out);
        if self.swept.is_empty() {
            return self.events.put(out);
        }
        (self.len() as u64).put(out);
        self.all().for_each(|event| event.put(out));
    }

    fn take(input: &mut Reader) -> Result<RevisionEvents, DecodeError> {
        let (revision, events) = (Wire::take(input)?, Wire::take(input)?);
        Ok(RevisionEvents::new(revision, events))
    }
}

wire_struct!(Event { kv, prev, cause });
wire_enum!(Cause {
    Put = 0,
    Delete = 1,
    Expired = 2,
    Add = 3,
    Append = 4,
    HashSet = 5,
    HashDelete = 6,
    HashAdd = 7,
    PutWithLife = 8,
    AddFloat = 9,
    SetRange = 10,
    HashAddFloat = 11,
    RenameFrom = 12,
    RenameTo = 13,
    Flush = 14,
});
