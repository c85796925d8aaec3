//! Members talking to each other: one framed, checksummed, ordered byte stream per purpose, opened
//! with a handshake that a foreign, wiped or newer member does not pass, in either direction.

mod acquaintances;
mod call;
mod conversation;
mod dial;
mod frame;
mod gate;
mod handshake;
mod hello;
mod link;
mod meeting;
mod server;
mod service;
mod transport;

pub(crate) use acquaintances::{Acquaintances, Published};
pub(crate) use call::LinkError;
pub(crate) use dial::Dialler;
pub(crate) use frame::{FRAME_BYTES_MAX, Frame, Kind};
pub(crate) use gate::Gate;
pub(crate) use hello::Hello;
pub(crate) use link::Link;
pub(crate) use meeting::{ask_around, meet_all};
pub(crate) use server::serve;
pub(crate) use service::{Service, Session};
pub(crate) use transport::address_of;
pub use transport::{Accept, SocketTransport, Transport};
#[cfg(any(test, feature = "internals"))]
pub use transport::{Boxed, Duplex};
