//! Node clients: a package of ours with exactly the modules that its lock file pins.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{on_path, package_path, with_retries};
use crate::cache;
use crate::exec::guarded;
use crate::trouble::Trouble;

const INSTALL_LIMIT: Duration = Duration::from_secs(600);

/// A copy of `compat-tests/clients/<name>` with its modules beside it; `node` runs its `main.js`.
pub fn package(name: &str) -> Result<PathBuf, Trouble> {
    let sources = package_path("clients").join(name);
    cache::ensure(name, std::slice::from_ref(&sources), |into| {
        install(&sources, into)
    })
}

fn install(sources: &Path, into: &Path) -> Result<(), Trouble> {
    let left_out = |why| Trouble::left_out(format!("Node modules of {}", sources.display()), why);
    if on_path("node").is_none() || on_path("npm").is_none() {
        return Err(left_out(
            "there is no `node` and `npm` on the PATH".to_owned(),
        ));
    }
    copy_files(sources, into).map_err(|error| Trouble::broken(sources.display(), error))?;
    let install = || {
        let mut command = guarded("npm");
        command.current_dir(into).args([
            "ci",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--silent",
        ]);
        command
    };
    with_retries(install, INSTALL_LIMIT)
        .map(drop)
        .map_err(left_out)
}

/// The files of a folder, without the folders in it.
fn copy_files(from: &Path, into: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(into)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), into.join(entry.file_name()))?;
        }
    }
    Ok(())
}
