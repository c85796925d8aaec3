//! Python clients: a virtual environment per client with exactly what its lock file pins.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{on_path, package_path, with_retries};
use crate::cache;
use crate::exec::guarded;
use crate::trouble::Trouble;

const INSTALL_LIMIT: Duration = Duration::from_secs(600);

/// The Python interpreter of an environment with `compat-tests/clients/<name>/requirements.lock`
/// installed.
pub fn environment(name: &str) -> Result<PathBuf, Trouble> {
    let lock = package_path("clients").join(name).join("requirements.lock");
    let made = cache::ensure(name, std::slice::from_ref(&lock), |into| {
        install(into, &lock)
    })?;
    Ok(made.join("bin/python3"))
}

fn install(into: &Path, lock: &Path) -> Result<(), Trouble> {
    let left_out = |why| Trouble::left_out(format!("Python packages of {}", lock.display()), why);
    if on_path("python3").is_none() {
        return Err(left_out("there is no `python3` on the PATH".to_owned()));
    }
    let venv = || {
        let mut command = guarded("python3");
        command.args(["-m", "venv"]).arg(into);
        command
    };
    let install = || -> Command {
        let mut command = guarded(into.join("bin/python3"));
        let quiet = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ];
        command
            .args(quiet)
            .args(["--no-deps", "--requirement"])
            .arg(lock);
        command
    };
    with_retries(venv, INSTALL_LIMIT).map_err(left_out)?;
    with_retries(install, INSTALL_LIMIT)
        .map(drop)
        .map_err(left_out)
}
