//! etcd, etcdctl and etcdutl 3.7.1, built from a Go module of ours that pins them, and etcdctl 3.4
//! from Debian's package.

use std::path::PathBuf;

use super::{debian, go, package_path};
use crate::cache;
use crate::exec::{self, guarded};
use crate::trouble::Trouble;

use std::time::Duration;

/// Names of the programs and the Go packages that they are built from.
const PROGRAMS: [(&str, &str); 3] = [
    ("etcd", "go.etcd.io/etcd/server/v3"),
    ("etcdctl", "go.etcd.io/etcd/etcdctl/v3"),
    ("etcdutl", "go.etcd.io/etcd/etcdutl/v3"),
];

/// The etcd 3.7.1 server.
pub fn etcd() -> Result<PathBuf, Trouble> {
    Ok(programs()?.join("etcd"))
}

/// etcdctl 3.7.1.
pub fn etcdctl_3_7() -> Result<PathBuf, Trouble> {
    Ok(programs()?.join("etcdctl"))
}

/// etcdutl 3.7.1.
pub fn etcdutl() -> Result<PathBuf, Trouble> {
    Ok(programs()?.join("etcdutl"))
}

/// One build for the three: they share nearly all packages.
fn programs() -> Result<PathBuf, Trouble> {
    let module = package_path("peers/etcd");
    cache::ensure(
        "etcd",
        &[module.join("go.mod"), module.join("go.sum")],
        |into| {
            go::download(&module)?;
            for (name, package) in PROGRAMS {
                go::build(&module, package, &into.join(name))?;
            }
            Ok(())
        },
    )
}

/// etcdctl 3.4: the one on the PATH if it is a 3.4, otherwise Debian's.
pub fn etcdctl_3_4() -> Result<PathBuf, Trouble> {
    if let Some(installed) = super::on_path("etcdctl") {
        let mut version = guarded(&installed);
        version.arg("version").env("ETCDCTL_API", "3");
        let output = exec::run(version, "", Duration::from_secs(10))
            .and_then(exec::Finished::success)
            .unwrap_or_default();
        if output.contains("etcdctl version: 3.4.") {
            return Ok(installed);
        }
    }
    Ok(debian::unpacked("etcd-client")?.join("usr/bin/etcdctl"))
}
