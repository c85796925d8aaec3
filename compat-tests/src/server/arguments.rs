//! Command lines. Quorate takes etcd's flags, and one more for its Redis port.

use std::path::Path;

use super::{Kind, Ports};

/// The arguments of member `index` of a cluster whose members listen on `all`.
pub(super) fn arguments(kind: Kind, index: usize, all: &[Ports], data: &Path) -> Vec<String> {
    match kind {
        Kind::Redis => redis(all[index], data),
        Kind::Etcd | Kind::QuorateAsEtcd => etcd(index, all, data),
        Kind::Quorate => {
            let mut arguments = etcd(index, all, data);
            let url = format!("redis://127.0.0.1:{}", all[index].redis);
            arguments.extend(["--listen-redis-urls".to_owned(), url]);
            arguments
        }
    }
}

/// `m1`, `m2`, `m3`.
pub(super) fn member_name(index: usize) -> String {
    format!("m{}", index + 1)
}

fn etcd(index: usize, all: &[Ports], data: &Path) -> Vec<String> {
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let cluster: Vec<String> = all
        .iter()
        .enumerate()
        .map(|(index, ports)| format!("{}={}", member_name(index), url(ports.peer)))
        .collect();
    let ports = all[index];
    let flags = [
        ("--name", member_name(index)),
        ("--data-dir", data.display().to_string()),
        ("--listen-client-urls", url(ports.client)),
        ("--advertise-client-urls", url(ports.client)),
        ("--listen-peer-urls", url(ports.peer)),
        ("--initial-advertise-peer-urls", url(ports.peer)),
        ("--initial-cluster", cluster.join(",")),
        ("--initial-cluster-state", "new".to_owned()),
        ("--initial-cluster-token", "compat".to_owned()),
    ];
    flags
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect()
}

/// Every write is on disk before its reply, as in Quorate.
fn redis(ports: Ports, data: &Path) -> Vec<String> {
    let flags = [
        ("--port", ports.redis.to_string()),
        ("--bind", "127.0.0.1".to_owned()),
        ("--dir", data.display().to_string()),
        ("--appendonly", "yes".to_owned()),
        ("--appendfsync", "always".to_owned()),
        ("--save", String::new()),
    ];
    flags
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect()
}
