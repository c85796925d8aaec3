//! The clients of the matrix, one line each.

mod go_etcd;

use crate::client::Client;

/// Every client, in the order in which the table shows them.
pub const ALL: &[Client] = &[go_etcd::CLIENT];
