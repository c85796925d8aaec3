//! Debian packages: unpacked into the cache without being installed, where one program is enough;
//! installed, where a program needs its libraries.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{on_path, with_retries};
use crate::cache;
use crate::exec::{self, guarded};
use crate::trouble::Trouble;

const LIMIT: Duration = Duration::from_secs(300);

/// The directory that holds the unpacked files of `package`, at the version of this machine's
/// Debian release.
pub(super) fn unpacked(package: &str) -> Result<PathBuf, Trouble> {
    cache::ensure(package, &[], |into| {
        let left_out = |why| Trouble::left_out(format!("Debian's {package}"), why);
        if on_path("apt-get").is_none() {
            return Err(left_out("there is no `apt-get` on the PATH".to_owned()));
        }
        download(package, into).map_err(left_out)?;
        let archive = std::fs::read_dir(into)
            .map_err(|error| left_out(error.to_string()))?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .ok_or_else(|| left_out("apt-get download left no .deb file".to_owned()))?;
        let mut unpack = guarded("dpkg-deb");
        unpack.arg("-x").arg(archive).arg(into);
        exec::run(unpack, "", LIMIT)
            .and_then(exec::Finished::success)
            .map(drop)
            .map_err(left_out)
    })
}

/// Downloads `package`; a machine that has never fetched the package lists fetches them first.
fn download(package: &str, into: &Path) -> Result<(), String> {
    let fetch = || {
        let mut command = guarded("apt-get");
        command.args(["download", package]).current_dir(into);
        command
    };
    if exec::run(fetch(), "", LIMIT)
        .and_then(exec::Finished::success)
        .is_ok()
    {
        return Ok(());
    }
    with_retries(update, LIMIT)?;
    with_retries(fetch, LIMIT).map(drop)
}

/// Installs `package` for the whole machine, which takes root, without starting its service.
pub(super) fn install(package: &str) -> Result<(), Trouble> {
    let left_out = |why| Trouble::left_out(format!("Debian's {package}"), why);
    if on_path("apt-get").is_none() {
        return Err(left_out("there is no `apt-get` on the PATH".to_owned()));
    }
    let make = || {
        let mut command = guarded("apt-get");
        command.args(["install", "--yes", "--no-install-recommends", package]);
        // Debian's own switch for "do not start services now".
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("RUNLEVEL", "1");
        command
    };
    // The lists may be old or absent; the installation itself says whether that matters.
    let _ = with_retries(update, LIMIT);
    with_retries(make, LIMIT).map(drop).map_err(left_out)
}

fn update() -> Command {
    let mut command = guarded("apt-get");
    command.arg("update");
    command
}
