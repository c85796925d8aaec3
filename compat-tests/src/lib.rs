//! Real clients and real peers: the harness that builds or installs them, runs Quorate beside
//! them, and plays every client's scenario against both.

pub mod alone;
pub mod cache;
pub mod client;
pub mod clients;
pub mod cross;
pub mod exec;
pub mod http2;
pub mod matrix;
pub mod memory;
pub mod peers;
pub mod program;
pub mod resp;
pub mod server;
pub mod trouble;
