//! The etcd v3 protocol.
