//! Granted leases and the keys that hang on them. Deadlines are indexed in `lives`.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::types::{ClusterMillis, LeaseId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) ttl_ms: u64,
    pub(super) deadline: ClusterMillis,
    pub(super) keys: BTreeSet<Bytes>,
}

pub(super) type Leases = BTreeMap<LeaseId, Granted>;
