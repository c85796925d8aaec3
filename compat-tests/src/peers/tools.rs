//! What the ways to get the real things share: paths, the PATH and patience.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::exec;

const DOWNLOAD_TRIES: u32 = 3;

/// `compat-tests/<relative>`.
pub fn package_path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// The first file called `name` on the PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Runs a command that may download, again after a pause when it fails; gives its output.
pub(crate) fn with_retries(make: impl Fn() -> Command, limit: Duration) -> Result<String, String> {
    let mut tries = 0;
    loop {
        let failed = match exec::run(make(), "", limit).and_then(exec::Finished::success) {
            Ok(output) => return Ok(output),
            Err(failed) => failed,
        };
        tries += 1;
        if tries == DOWNLOAD_TRIES {
            return Err(failed);
        }
        std::thread::sleep(Duration::from_secs(2 * u64::from(tries)));
    }
}
