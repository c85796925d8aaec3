//! Encoding of events, for the recent changes of keys that keep no history.

use super::wire::{wire_enum, wire_struct};
use crate::outcome::{Cause, Event, RevisionEvents};

wire_struct!(RevisionEvents { revision, events });
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
