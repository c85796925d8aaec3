//! etcdctl 3.7 and 3.4: the same scenarios, each with a transcript of every command and answer.
//!
//! A scenario checks what etcd promises (exact outputs, revisions, error texts); its transcript,
//! normalised by `normal`, must then be the same on Quorate to the last byte. Scenarios run in
//! order on one server, so each starts at the revision that the one before it left.

mod admin;
mod client;
mod compaction;
mod elect;
mod get;
mod kv;
mod lease;
mod lock;
mod normal;
mod session;
mod txn;
mod watch;

pub use client::{CLIENT_3_4, CLIENT_3_7};
