//! The program under test: Quorate, built once per run, or the one that `QUORATE_BIN` names. Tests
//! build it in the `testing` profile (optimised, with assertions on), a release build of this
//! crate, which is what the benchmarks are, in the `release` profile. One older than its sources is
//! refused.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use crate::exec;
use crate::peers::package_path;
use crate::trouble::Trouble;

const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// What the program is built as; `--release` alone turns our own assertions off.
const PROFILE: &str = if cfg!(debug_assertions) {
    "testing"
} else {
    "release"
};

/// The packages whose sources go into the program.
const PACKAGES: [&str; 3] = ["proto", "core", "gateway"];

/// The path of the program, built by the first caller.
pub fn quorate() -> Result<PathBuf, Trouble> {
    static BUILT: OnceLock<Result<PathBuf, Trouble>> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let program = match env::var_os("QUORATE_BIN") {
                Some(given) => PathBuf::from(given),
                None => build()?,
            };
            refuse_stale(&program)?;
            Ok(program)
        })
        .clone()
}

/// Builds it with the cargo that runs this test; cargo says where it put the program.
fn build() -> Result<PathBuf, Trouble> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(package_path(".."))
        .args([
            "build",
            "--profile",
            PROFILE,
            "--package",
            "quorate",
            "--bin",
            "quorate",
        ])
        .args(["--message-format", "json-render-diagnostics"]);
    let broken = |why| Trouble::broken("cargo build of quorate", why);
    let output = exec::run(command, "", BUILD_LIMIT)
        .and_then(exec::Finished::success)
        .map_err(broken)?;
    output
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .ok_or_else(|| broken("it named no executable".to_owned()))
}

/// A program older than any source file it is made of is not the program under test.
fn refuse_stale(program: &Path) -> Result<(), Trouble> {
    let broken = |why| Trouble::broken(program.display(), why);
    let built = fs::metadata(program)
        .and_then(|meta| meta.modified())
        .map_err(broken)?;
    for package in PACKAGES {
        let sources = package_path("..").join(package);
        let (changed, file) = newest(&sources).map_err(broken)?;
        if changed > built {
            let why = format!("older than {}: build it again", file.display());
            return Err(Trouble::broken(program.display(), why));
        }
    }
    Ok(())
}

/// The newest .rs or .proto file of a package, its tests left out.
fn newest(folder: &Path) -> io::Result<(SystemTime, PathBuf)> {
    let mut newest = (SystemTime::UNIX_EPOCH, folder.to_owned());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let candidate = if path.is_dir() && !path.ends_with("tests") {
            self::newest(&path)?
        } else if path
            .extension()
            .is_some_and(|end| end == "rs" || end == "proto")
        {
            (fs::metadata(&path)?.modified()?, path)
        } else {
            continue;
        };
        newest = newest.max(candidate);
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_older_than_its_sources_is_refused() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        refuse_stale(file.path()).expect("a file made just now is newer than every source");
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        file.as_file()
            .set_modified(long_ago)
            .expect("its owner may set its time");
        let refusal = refuse_stale(file.path()).expect_err("it is older than every source");
        assert!(refusal.to_string().contains("older than"), "{refusal}");
    }
}
