//! Bytes to requests and replies to bytes.

mod encode;
mod inline;
mod parser;

pub use encode::{Protocol, encode};
pub use parser::{Parsed, Parser, REQUEST_FRAME_BYTES_MAX};
