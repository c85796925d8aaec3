//! Things built or installed once per machine, kept under the user's cache directory.
//!
//! An entry is a directory `<kind>-<hash of its inputs>`. It is made beside its place and renamed
//! when complete, under a lock file, so that an interrupted or a concurrent run never leaves or
//! sees half an entry. A changed input gives a new hash; old entries stay until someone deletes
//! the cache.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

use crate::trouble::Trouble;

/// `${XDG_CACHE_HOME:-$HOME/.cache}/quorate`, or the temporary directory when neither is set.
fn root() -> PathBuf {
    let from_home = || env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    env::var_os("XDG_CACHE_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or_else(from_home)
        .unwrap_or_else(env::temp_dir)
        .join("quorate")
}

/// The directory of the entry `kind` made from `inputs` (files, or directories of files), which
/// `make` fills on first use. `make` gets an empty directory that is renamed afterwards, so it
/// must not write that path into what it makes.
pub fn ensure(
    kind: &str,
    inputs: &[PathBuf],
    make: impl FnOnce(&Path) -> Result<(), Trouble>,
) -> Result<PathBuf, Trouble> {
    let io_trouble = |error: io::Error| Trouble::broken(format!("cache entry {kind}"), error);
    let root = root();
    fs::create_dir_all(&root).map_err(io_trouble)?;
    let entry = root.join(format!("{kind}-{}", hash(inputs).map_err(io_trouble)?));
    let lock = File::create(root.join(format!("{kind}.lock"))).map_err(io_trouble)?;
    lock.lock().map_err(io_trouble)?;
    if entry.is_dir() {
        return Ok(entry);
    }
    let partial = entry.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(io_trouble)?;
    }
    fs::create_dir_all(&partial).map_err(io_trouble)?;
    make(&partial)?;
    fs::rename(&partial, &entry).map_err(io_trouble)?;
    Ok(entry)
}

/// The first 12 hex digits of a digest over the names and contents of `inputs`, in name order.
fn hash(inputs: &[PathBuf]) -> io::Result<String> {
    let mut files = Vec::new();
    for input in inputs {
        collect(input, &mut files)?;
    }
    files.sort();
    let mut digest = Sha1::new();
    for file in &files {
        let content = fs::read(file)?;
        digest.update(
            file.file_name()
                .map(OsStr::as_encoded_bytes)
                .unwrap_or_default(),
        );
        digest.update((content.len() as u64).to_be_bytes());
        digest.update(&content);
    }
    let hex: String = digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(hex[..12].to_owned())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_input_is_another_entry() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let input = directory.path().join("go.mod");
        let hash_of = |content: &str| {
            fs::write(&input, content).expect("a file in it can be written");
            hash(std::slice::from_ref(&input)).expect("it can be read")
        };
        let (first, second) = (hash_of("v1"), hash_of("v2"));
        assert_ne!(first, second);
        assert_eq!(first, hash_of("v1"));
    }
}
