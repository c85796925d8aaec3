//! The services Lock and Election: on the server what clients' own locks do, through the same keys.

mod election;
mod local;
mod lock;
mod observe;
mod place;
mod request;

pub use election::ElectionService;
pub use lock::LockService;
