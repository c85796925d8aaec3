//! The clients of the matrix, one line each.

mod etcdctl;
mod go_etcd;
mod go_redis;
mod node_redis;
mod python_etcd;
mod python_redis;
mod redis_cli;
mod rust_etcd;
mod rust_redis;

use crate::client::Client;

/// Every client, in the order in which the table shows them.
pub const ALL: &[Client] = &[
    etcdctl::CLIENT_3_7,
    etcdctl::CLIENT_3_4,
    go_etcd::CLIENT,
    rust_etcd::CLIENT,
    python_etcd::CLIENT,
    redis_cli::CLIENT,
    rust_redis::CLIENT,
    python_redis::CLIENT,
    go_redis::CLIENT,
    node_redis::CLIENT,
];
