//! What hostile clients say, as bytes.

pub mod etcd;
pub mod peers;
pub mod redis;
