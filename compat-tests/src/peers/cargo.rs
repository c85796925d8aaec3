//! Rust clients that are no packages of this workspace: what they need, crates or a tool (a
//! protoc), a plain `cargo test` of the server must do without.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{package_path, with_retries};
use crate::cache;
use crate::exec::{self, guarded};
use crate::trouble::Trouble;

const DOWNLOAD_LIMIT: Duration = Duration::from_secs(600);
const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// The client program in `compat-tests/clients/<name>`, built on first use. Its workspace also
/// has a package `protoc`, which prints the path of the protoc to build with.
pub fn program(name: &str) -> Result<PathBuf, Trouble> {
    let sources = package_path("clients").join(name);
    let inputs = ["Cargo.toml", "Cargo.lock", "src", "protoc"].map(|part| sources.join(part));
    let built = cache::ensure(name, &inputs, |into| {
        fetch(&sources)?;
        // What a former version compiled is of use to the next one.
        let target = into.with_file_name(format!("{name}-target"));
        build(&sources, &target, "protoc", None)?;
        let protoc = exec::run(guarded(target.join("debug/protoc")), "", BUILD_LIMIT)
            .and_then(exec::Finished::success)
            .map_err(|why| Trouble::left_out("protoc", why))?;
        build(&sources, &target, name, Some(protoc.trim()))?;
        std::fs::copy(target.join("debug").join(name), into.join(name))
            .map(drop)
            .map_err(|error| Trouble::broken(name, error))
    })?;
    Ok(built.join(name))
}

/// The same for a client whose build needs nothing beyond cargo.
pub fn plain_program(name: &str) -> Result<PathBuf, Trouble> {
    let sources = package_path("clients").join(name);
    let inputs = ["Cargo.toml", "Cargo.lock", "src"].map(|part| sources.join(part));
    let built = cache::ensure(name, &inputs, |into| {
        fetch(&sources)?;
        let target = into.with_file_name(format!("{name}-target"));
        build(&sources, &target, name, None)?;
        std::fs::copy(target.join("debug").join(name), into.join(name))
            .map(drop)
            .map_err(|error| Trouble::broken(name, error))
    })?;
    Ok(built.join(name))
}

fn cargo(sources: &Path) -> Command {
    let mut command = guarded(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(sources);
    command
}

fn fetch(sources: &Path) -> Result<(), Trouble> {
    let make = || {
        let mut command = cargo(sources);
        command.args(["fetch", "--locked"]);
        command
    };
    with_retries(make, DOWNLOAD_LIMIT)
        .map(drop)
        .map_err(|why| Trouble::left_out(format!("crates of {}", sources.display()), why))
}

fn build(
    sources: &Path,
    target: &Path,
    package: &str,
    protoc: Option<&str>,
) -> Result<(), Trouble> {
    let mut command = cargo(sources);
    command
        .args(["build", "--locked", "--package", package, "--target-dir"])
        .arg(target);
    if let Some(protoc) = protoc {
        command.env("PROTOC", protoc);
    }
    exec::run(command, "", BUILD_LIMIT)
        .and_then(exec::Finished::success)
        .map(drop)
        .map_err(|why| Trouble::broken(format!("cargo build of {package}"), why))
}
