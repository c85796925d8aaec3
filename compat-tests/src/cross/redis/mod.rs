//! The cross-check of the Redis protocol: random and written-down sequences of commands are played
//! to the real redis-server and to Quorate, and every reply and push is compared.

pub mod allowed;
pub mod connection;
pub mod corners;
pub mod duo;
pub mod grammar;
pub mod libraries;
pub mod meddler;
pub mod newer;
pub mod normal;
pub mod note;
pub mod reply;
pub mod run;
pub mod sequence;
pub mod side;
pub mod step;
pub mod talk;
pub mod verdict;
pub mod walk;
