//! The versions told to etcd's clients: of the API we keep, never our own. kube-apiserver and
//! others read them as semantic versions and switch features by them.

/// The etcd whose API this is.
pub const API_VERSION: &str = "3.7.1";

pub const CLUSTER_VERSION: &str = "3.7.0";

pub const STORAGE_VERSION: &str = "3.7.0";
