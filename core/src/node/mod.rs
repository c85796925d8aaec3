//! The façade of a member: propose, barrier, read, watch. Front ends use this and nothing below.

mod api;

pub use api::*;
