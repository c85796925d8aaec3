//! What a script can reach outside the interpreter.

use bytes::Bytes;

use crate::redis::fault::Fault;
use crate::redis::reply::Reply;

/// The commands and keys behind `redis.call`; errors carry the texts scripts get.
pub trait Host {
    /// Runs one command (its name first, never empty).
    fn call(&mut self, args: &[Bytes]) -> Reply;

    /// Whether `redis.acl_check_cmd` finds the command allowed; a fault if there is none such.
    fn allows(&self, args: &[Bytes]) -> Result<bool, Fault>;

    /// The fencing token of a key: its create revision; None if it is missing or was written by
    /// this very program, whose revision is not known yet.
    fn lock_token(&mut self, key: &[u8]) -> Option<i64>;
}
