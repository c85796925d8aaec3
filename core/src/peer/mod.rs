//! Members talking to each other: one framed, checksummed, ordered byte stream per purpose, opened
//! with a handshake that a foreign, wiped or newer member does not pass.

mod dispatch;
mod frame;
mod handshake;
mod link;
mod server;
mod transport;

pub(crate) use dispatch::PeerService;
pub(crate) use frame::Kind;
pub use handshake::Hello;
pub(crate) use link::{Link, LinkError};
pub(crate) use server::serve;
pub use transport::{Accept, Boxed, Duplex, TcpTransport, Transport};
