//! Every RPC that is known, by path: what metrics are kept for, and what unknown means.

/// How messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Unary,
    ServerStream,
    BidiStream,
}

impl Kind {
    /// The label of go-grpc-prometheus.
    pub fn label(self) -> &'static str {
        match self {
            Kind::Unary => "unary",
            Kind::ServerStream => "server_stream",
            Kind::BidiStream => "bidi_stream",
        }
    }
}

/// One RPC.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    pub path: &'static str,
    pub kind: Kind,
}

impl Method {
    pub fn service(&self) -> &'static str {
        split(self.path).map_or("", |(service, _)| service)
    }

    pub fn name(&self) -> &'static str {
        split(self.path).map_or("", |(_, name)| name)
    }
}

/// `/service/method` in its parts.
pub fn split(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix('/')?.rsplit_once('/')
}

const fn unary(path: &'static str) -> Method {
    Method {
        path,
        kind: Kind::Unary,
    }
}

const fn streaming(path: &'static str, kind: Kind) -> Method {
    Method { path, kind }
}

/// Whether a unary call is answered in the time that a request may take; the others may wait for
/// what clients do.
pub fn is_quick(path: &str) -> bool {
    path.starts_with("/etcdserverpb.")
}

pub const METHODS: [Method; 52] = [
    unary("/etcdserverpb.KV/Range"),
    unary("/etcdserverpb.KV/Put"),
    unary("/etcdserverpb.KV/Txn"),
    unary("/etcdserverpb.KV/DeleteRange"),
    unary("/etcdserverpb.KV/Compact"),
    streaming("/etcdserverpb.KV/RangeStream", Kind::ServerStream),
    streaming("/etcdserverpb.Watch/Watch", Kind::BidiStream),
    unary("/etcdserverpb.Lease/LeaseGrant"),
    unary("/etcdserverpb.Lease/LeaseRevoke"),
    streaming("/etcdserverpb.Lease/LeaseKeepAlive", Kind::BidiStream),
    unary("/etcdserverpb.Lease/LeaseTimeToLive"),
    unary("/etcdserverpb.Lease/LeaseLeases"),
    unary("/etcdserverpb.Cluster/MemberAdd"),
    unary("/etcdserverpb.Cluster/MemberRemove"),
    unary("/etcdserverpb.Cluster/MemberUpdate"),
    unary("/etcdserverpb.Cluster/MemberList"),
    unary("/etcdserverpb.Cluster/MemberPromote"),
    unary("/etcdserverpb.Maintenance/Alarm"),
    unary("/etcdserverpb.Maintenance/Status"),
    unary("/etcdserverpb.Maintenance/Defragment"),
    unary("/etcdserverpb.Maintenance/Hash"),
    unary("/etcdserverpb.Maintenance/HashKV"),
    streaming("/etcdserverpb.Maintenance/Snapshot", Kind::ServerStream),
    unary("/etcdserverpb.Maintenance/MoveLeader"),
    unary("/etcdserverpb.Maintenance/Downgrade"),
    unary("/etcdserverpb.Auth/AuthEnable"),
    unary("/etcdserverpb.Auth/AuthDisable"),
    unary("/etcdserverpb.Auth/AuthStatus"),
    unary("/etcdserverpb.Auth/Authenticate"),
    unary("/etcdserverpb.Auth/UserAdd"),
    unary("/etcdserverpb.Auth/UserGet"),
    unary("/etcdserverpb.Auth/UserList"),
    unary("/etcdserverpb.Auth/UserDelete"),
    unary("/etcdserverpb.Auth/UserChangePassword"),
    unary("/etcdserverpb.Auth/UserGrantRole"),
    unary("/etcdserverpb.Auth/UserRevokeRole"),
    unary("/etcdserverpb.Auth/RoleAdd"),
    unary("/etcdserverpb.Auth/RoleGet"),
    unary("/etcdserverpb.Auth/RoleList"),
    unary("/etcdserverpb.Auth/RoleDelete"),
    unary("/etcdserverpb.Auth/RoleGrantPermission"),
    unary("/etcdserverpb.Auth/RoleRevokePermission"),
    unary("/v3lockpb.Lock/Lock"),
    unary("/v3lockpb.Lock/Unlock"),
    unary("/v3electionpb.Election/Campaign"),
    unary("/v3electionpb.Election/Proclaim"),
    unary("/v3electionpb.Election/Leader"),
    streaming("/v3electionpb.Election/Observe", Kind::ServerStream),
    unary("/v3electionpb.Election/Resign"),
    unary("/grpc.health.v1.Health/Check"),
    unary("/grpc.health.v1.Health/List"),
    streaming("/grpc.health.v1.Health/Watch", Kind::ServerStream),
];

/// The rows that metrics are kept for.
pub fn metric_rows() -> impl Iterator<Item = crate::metrics::MethodRow> {
    METHODS.iter().map(|method| crate::metrics::MethodRow {
        path: method.path,
        kind: method.kind.label(),
        service: method.service(),
        name: method.name(),
    })
}
