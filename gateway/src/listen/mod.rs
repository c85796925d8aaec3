//! Accepting connections: one place for every address family, and the threads that serve them.

mod address;
mod authority;
mod connection;
mod frames;
mod gathering;
mod hoards;
mod hpack;
mod http;
mod inflow;
mod kept;
mod listener;
mod load;
mod meter;
mod turns;
mod workers;

pub use address::Address;
pub use connection::Connection;
pub use http::{HttpLimits, HttpServer, STREAMS_MAX};
pub use kept::{KEPT_BYTES_EACH_MAX, KEPT_BYTES_MAX, Kept};
pub use listener::{Listener, Listening};
pub use load::{BUFFERS_BYTES_MAX, CONNECTIONS_MAX, Held, Load, ROOM_TIME_MAX, Share, pause};
pub use turns::turn;
pub use workers::Workers;
