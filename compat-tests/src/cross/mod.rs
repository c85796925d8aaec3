//! Cross-checks: random operations played to the real server and to Quorate, every answer
//! compared. What is shared by the protocols is here; one module a protocol.

pub mod accepted;
pub mod checks;
pub mod difference;
pub mod etcd;
pub mod ledger;
pub mod redis;
pub mod seeds;
