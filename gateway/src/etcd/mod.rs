//! etcd v3: gRPC, and the HTTP endpoints beside it, on one port.

mod admission;
mod auth;
mod body;
mod bound;
mod check;
mod cluster;
mod concurrency;
mod convert;
mod dispatch;
mod error;
mod health;
mod http_endpoints;
mod keep_alive;
mod kv;
mod large_range;
mod large_reply;
mod lease;
mod maintenance;
mod methods;
mod overlap;
mod quota;
mod range_stream;
mod read_txn;
mod render;
mod renewals;
mod reply;
mod reworded;
mod shared;
mod standing;
mod version;
mod watch;

pub use dispatch::{Etcd, Served};
pub use methods::metric_rows;
pub use overlap::OPERATIONS_MAX;
pub use shared::EtcdOptions;
pub use version::{API_VERSION, CLUSTER_VERSION, STORAGE_VERSION};
