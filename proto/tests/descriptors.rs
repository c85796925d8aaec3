//! What clients of etcd rely on and no compiler would miss: service and RPC names, which directions
//! stream, and field numbers that are easily got wrong. All read from the published descriptor set.

use prost_reflect::DescriptorPool;
use quorate_proto::FILE_DESCRIPTOR_SET;

/// Each service with its RPCs; `>` marks a stream of requests, `<` one of responses.
const SERVICES: &[(&str, &[&str])] = &[
    (
        "etcdserverpb.KV",
        &[
            "Range",
            "RangeStream<",
            "Put",
            "DeleteRange",
            "Txn",
            "Compact",
        ],
    ),
    ("etcdserverpb.Watch", &["Watch><"]),
    (
        "etcdserverpb.Lease",
        &[
            "LeaseGrant",
            "LeaseRevoke",
            "LeaseKeepAlive><",
            "LeaseTimeToLive",
            "LeaseLeases",
        ],
    ),
    (
        "etcdserverpb.Cluster",
        &[
            "MemberAdd",
            "MemberRemove",
            "MemberUpdate",
            "MemberList",
            "MemberPromote",
        ],
    ),
    (
        "etcdserverpb.Maintenance",
        &[
            "Alarm",
            "Status",
            "Defragment",
            "Hash",
            "HashKV",
            "Snapshot<",
            "MoveLeader",
            "Downgrade",
        ],
    ),
    (
        "etcdserverpb.Auth",
        &[
            "AuthEnable",
            "AuthDisable",
            "AuthStatus",
            "Authenticate",
            "UserAdd",
            "UserGet",
            "UserList",
            "UserDelete",
            "UserChangePassword",
            "UserGrantRole",
            "UserRevokeRole",
            "RoleAdd",
            "RoleGet",
            "RoleList",
            "RoleDelete",
            "RoleGrantPermission",
            "RoleRevokePermission",
        ],
    ),
    ("v3lockpb.Lock", &["Lock", "Unlock"]),
    (
        "v3electionpb.Election",
        &["Campaign", "Proclaim", "Leader", "Observe<", "Resign"],
    ),
    ("grpc.health.v1.Health", &["Check", "List", "Watch<"]),
];

/// Message, field, number: gaps, late additions, and neighbours of one type, where a slip would
/// still decode.
const FIELDS: &[(&str, &str, u32)] = &[
    ("mvccpb.KeyValue", "create_revision", 2),
    ("mvccpb.KeyValue", "mod_revision", 3),
    ("mvccpb.KeyValue", "version", 4),
    ("mvccpb.KeyValue", "value", 5),
    ("mvccpb.KeyValue", "lease", 6),
    ("authpb.Permission", "permType", 1),
    ("authpb.User", "options", 4),
    ("etcdserverpb.RangeRequest", "max_create_revision", 13),
    ("etcdserverpb.RangeStreamResponse", "range_response", 1),
    ("etcdserverpb.RequestOp", "request_txn", 4),
    ("etcdserverpb.ResponseOp", "response_txn", 4),
    ("etcdserverpb.Compare", "lease", 8),
    ("etcdserverpb.Compare", "range_end", 64),
    ("etcdserverpb.WatchRequest", "progress_request", 3),
    ("etcdserverpb.WatchCreateRequest", "fragment", 8),
    ("etcdserverpb.WatchResponse", "fragment", 7),
    ("etcdserverpb.WatchResponse", "events", 11),
    ("etcdserverpb.LeaseGrantRequest", "TTL", 1),
    ("etcdserverpb.LeaseGrantRequest", "ID", 2),
    ("etcdserverpb.LeaseGrantResponse", "ID", 2),
    ("etcdserverpb.LeaseGrantResponse", "TTL", 3),
    ("etcdserverpb.LeaseTimeToLiveResponse", "grantedTTL", 4),
    ("etcdserverpb.MemberListRequest", "linearizable", 1),
    ("etcdserverpb.HashKVResponse", "compact_revision", 3),
    ("etcdserverpb.HashKVResponse", "hash_revision", 4),
    ("etcdserverpb.SnapshotResponse", "version", 4),
    ("etcdserverpb.StatusResponse", "dbSizeInUse", 9),
    ("etcdserverpb.StatusResponse", "isLearner", 10),
    ("etcdserverpb.StatusResponse", "storageVersion", 11),
    ("etcdserverpb.StatusResponse", "dbSizeQuota", 12),
    ("etcdserverpb.StatusResponse", "downgradeInfo", 13),
    ("etcdserverpb.AuthUserAddRequest", "hashedPassword", 4),
    (
        "etcdserverpb.AuthUserChangePasswordRequest",
        "hashedPassword",
        3,
    ),
    ("v3electionpb.LeaderKey", "rev", 3),
];

fn pool() -> DescriptorPool {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the set names all that its files import")
}

#[test]
fn every_service_has_exactly_etcds_rpcs() {
    let found: Vec<(String, Vec<String>)> = pool()
        .services()
        .map(|service| {
            let rpcs = service.methods().map(|rpc| {
                let requests = if rpc.is_client_streaming() { ">" } else { "" };
                let responses = if rpc.is_server_streaming() { "<" } else { "" };
                format!("{}{requests}{responses}", rpc.name())
            });
            (service.full_name().to_owned(), rpcs.collect())
        })
        .collect();

    assert_eq!(found.len(), SERVICES.len(), "{found:?}");
    for (name, rpcs) in SERVICES {
        let service = found.iter().find(|(found, _)| found == name);
        let (_, found) = service.unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(found, rpcs, "{name}");
    }
}

#[test]
fn fields_have_etcds_numbers() {
    let pool = pool();
    for (message, field, number) in FIELDS {
        let message = pool.get_message_by_name(message).expect(message);
        let found = message.get_field_by_name(field).map(|field| field.number());
        assert_eq!(found, Some(*number), "{}.{field}", message.full_name());
    }
}

#[test]
fn enums_have_etcds_values() {
    let values = |name: &str| -> Vec<(String, i32)> {
        let found = pool().get_enum_by_name(name).expect(name);
        found
            .values()
            .map(|value| (value.name().to_owned(), value.number()))
            .collect()
    };
    let numbered = |names: &[&str]| -> Vec<(String, i32)> {
        names
            .iter()
            .zip(0..)
            .map(|(name, number)| ((*name).to_owned(), number))
            .collect()
    };

    for (name, names) in [
        ("mvccpb.Event.EventType", &["PUT", "DELETE"] as &[&str]),
        ("authpb.Permission.Type", &["READ", "WRITE", "READWRITE"]),
        (
            "etcdserverpb.RangeRequest.SortOrder",
            &["NONE", "ASCEND", "DESCEND"],
        ),
        (
            "etcdserverpb.RangeRequest.SortTarget",
            &["KEY", "VERSION", "CREATE", "MOD", "VALUE"],
        ),
        (
            "etcdserverpb.Compare.CompareResult",
            &["EQUAL", "GREATER", "LESS", "NOT_EQUAL"],
        ),
        (
            "etcdserverpb.Compare.CompareTarget",
            &["VERSION", "CREATE", "MOD", "VALUE", "LEASE"],
        ),
        (
            "etcdserverpb.WatchCreateRequest.FilterType",
            &["NOPUT", "NODELETE"],
        ),
        ("etcdserverpb.AlarmType", &["NONE", "NOSPACE", "CORRUPT"]),
        (
            "etcdserverpb.AlarmRequest.AlarmAction",
            &["GET", "ACTIVATE", "DEACTIVATE"],
        ),
        (
            "etcdserverpb.DowngradeRequest.DowngradeAction",
            &["VALIDATE", "ENABLE", "CANCEL"],
        ),
    ] {
        assert_eq!(values(name), numbered(names), "{name}");
    }
}
