//! The core's own binary encoding of what is logged, stored and sent between members.

#[cfg(any(test, feature = "internals"))]
mod alone;
mod api;
mod command;
mod data;
mod events;
mod op;
mod txn;
mod values;
mod wire;

#[cfg(any(test, feature = "internals"))]
pub use alone::*;
pub use api::*;
pub use wire::DecodeError;
pub(crate) use wire::{Reader, Wire, put_unsigned, wire_struct};
