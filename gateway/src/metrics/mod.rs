//! Prometheus metrics under etcd's names, for what exists here.

mod clients;
mod exposition;
mod grpc;
mod histogram;
mod process;
mod registry;

pub use exposition::content_type;
pub use grpc::{MethodRow, Running};
pub use registry::{Metrics, Snapshot, Versions};
