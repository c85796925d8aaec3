//! Channels, keyspace notifications and WATCH's touches: what a member tells its connections.

mod hub;
mod keyspace_events;
mod mailbox;
mod touches;
mod walks;

pub use hub::{Hub, Listener};
pub use keyspace_events::EventFlags;
pub use mailbox::{Mailbox, Message};
pub use touches::Watch;
pub use walks::{Shown, is_worthwhile};
