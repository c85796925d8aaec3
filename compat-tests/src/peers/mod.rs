//! The real things that Quorate is measured against, and the toolchains that make the clients:
//! each is built or installed on first use and kept in the cache.

mod cargo;
mod debian;
mod etcd;
mod faketime;
mod go;
mod node;
mod python;
mod redis;
mod tools;

pub use cargo::{plain_program as plain_cargo_program, program as cargo_program};
pub use etcd::{etcd, etcdctl_3_4, etcdctl_3_7, etcdutl};
pub use faketime::libfaketime;
pub use go::program as go_program;
pub use node::package as node_package;
pub use python::environment as python_environment;
pub use redis::{redis_cli, redis_server};
pub use tools::package_path;
pub(crate) use tools::{on_path, with_retries};
