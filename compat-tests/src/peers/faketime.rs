//! libfaketime: a library that, loaded before the others, gives a program another wall clock.

use std::fs;
use std::path::{Path, PathBuf};

use super::debian;
use crate::trouble::Trouble;

const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// The library (the one for programs with threads): this machine's, otherwise Debian's.
pub fn libfaketime() -> Result<PathBuf, Trouble> {
    if let Some(installed) = find(Path::new("/usr/lib")) {
        return Ok(installed);
    }
    let unpacked = debian::unpacked("libfaketime")?;
    let missing = || Trouble::left_out("libfaketime", "Debian's package has no such file");
    find(&unpacked.join("usr/lib")).ok_or_else(missing)
}

/// It lies in a directory named after the machine's kind.
fn find(lib: &Path) -> Option<PathBuf> {
    let kinds = fs::read_dir(lib).ok()?.flatten();
    let mut libraries = kinds.map(|kind| kind.path().join(LIBRARY));
    libraries.find(|library| library.is_file())
}
