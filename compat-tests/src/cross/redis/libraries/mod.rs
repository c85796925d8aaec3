//! The libraries of scripts (cmsgpack, cjson, struct, bit) on random values and random bytes: the
//! same calls on both servers, each with its results shown in full.

mod bytes;
mod calls;
mod play;
mod values;

pub use play::differing;
