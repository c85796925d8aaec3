//! The clients of the matrix, one line each.

mod etcdctl;
mod go_etcd;
mod python_etcd;
mod rust_etcd;

use crate::client::Client;

/// Every client, in the order in which the table shows them.
pub const ALL: &[Client] = &[
    etcdctl::CLIENT_3_7,
    etcdctl::CLIENT_3_4,
    go_etcd::CLIENT,
    rust_etcd::CLIENT,
    python_etcd::CLIENT,
];
