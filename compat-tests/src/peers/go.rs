//! Go programs: modules of ours, downloaded with the pinned sums and built with the Go at hand.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{on_path, package_path, with_retries};
use crate::cache;
use crate::exec::{self, guarded};
use crate::trouble::Trouble;

const DOWNLOAD_LIMIT: Duration = Duration::from_secs(600);
const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// The client program in `compat-tests/clients/<name>`, built on first use.
pub fn program(name: &str) -> Result<PathBuf, Trouble> {
    let module = package_path("clients").join(name);
    let built = cache::ensure(name, std::slice::from_ref(&module), |into| {
        download(&module)?;
        build(&module, ".", &into.join(name))
    })?;
    Ok(built.join(name))
}

/// Fetches what `module`'s go.sum names; the network may fail, so it is tried again.
pub(super) fn download(module: &Path) -> Result<(), Trouble> {
    if on_path("go").is_none() {
        return Err(Trouble::left_out(
            "Go programs",
            "there is no `go` on the PATH",
        ));
    }
    let make = || {
        let mut command = go(module);
        command.args(["mod", "download"]);
        command
    };
    with_retries(make, DOWNLOAD_LIMIT)
        .map(drop)
        .map_err(|why| Trouble::left_out(format!("modules of {}", module.display()), why))
}

/// Builds `package`, as seen from `module`, into the file `output`.
pub(super) fn build(module: &Path, package: &str, output: &Path) -> Result<(), Trouble> {
    let mut command = go(module);
    command
        .args(["build", "-trimpath", "-ldflags=-s -w", "-o"])
        .arg(output)
        .arg(package);
    exec::run(command, "", BUILD_LIMIT)
        .and_then(exec::Finished::success)
        .map(drop)
        .map_err(|why| Trouble::broken(format!("go build {package}"), why))
}

fn go(module: &Path) -> Command {
    let mut command = guarded("go");
    command
        .current_dir(module)
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "-mod=readonly -buildvcs=false")
        .env("CGO_ENABLED", "0")
        .env_remove("GOWORK");
    command
}
