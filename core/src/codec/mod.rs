//! The core's own binary encoding of what is logged, stored and sent between members.

mod api;
mod command;
mod events;
mod op;
mod txn;
mod values;
mod wire;

pub use api::*;
pub use wire::DecodeError;
pub(crate) use wire::{Reader, Wire, put_unsigned, wire_struct};
