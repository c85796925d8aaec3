//! The data directory: locked by one process, and of one member for good.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::error::VersionsError;
use super::medium::sync_directory;
use crate::types::{ClusterId, MemberId};

const FORMAT: u32 = 1;

/// Whose directory it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub cluster: ClusterId,
    pub member: MemberId,
    /// Drawn at random when the directory was first used: tells a wiped disk from the one it was.
    pub incarnation: u64,
}

/// A locked data directory. The lock ends when this is dropped, or with the process.
#[derive(Debug)]
pub struct DataDir {
    identity: Identity,
    _lock: File,
}

impl DataDir {
    /// Makes the directory (mode 0700) if it is not there, locks it, and checks that it belongs
    /// to this member; an empty one is claimed with `fresh_incarnation`.
    pub fn open(
        path: &Path,
        cluster: ClusterId,
        member: MemberId,
        fresh_incarnation: u64,
    ) -> Result<DataDir, VersionsError> {
        let failed = |what: &str| VersionsError::io(format!("{what} {}", path.display()));
        create(path).map_err(|error| denied("create", path, &error))?;
        let lock = lock(path)?;
        let identity = match fs::read_to_string(path.join("identity")) {
            Ok(text) => parse(path, &text)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                refuse_used(path)?;
                let identity = Identity {
                    cluster,
                    member,
                    incarnation: fresh_incarnation,
                };
                write(path, &identity).map_err(failed("cannot claim the data directory"))?;
                identity
            }
            Err(error) => return Err(failed("cannot read the identity file in")(error)),
        };
        if (identity.cluster, identity.member) != (cluster, member) {
            return Err(foreign(path, &identity, cluster, member));
        }
        Ok(DataDir {
            identity,
            _lock: lock,
        })
    }

    pub fn identity(&self) -> Identity {
        self.identity
    }
}

fn create(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn lock(path: &Path) -> Result<File, VersionsError> {
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(false)
        .open(path.join("lock"));
    let file = file.map_err(|error| denied("lock", path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(VersionsError::Refused(format!(
            "the data directory {} is in use by another process; stop that process, or give \
             this one a directory of its own",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(denied("lock", path, &error)),
    }
}

fn denied(what: &str, path: &Path, error: &std::io::Error) -> VersionsError {
    VersionsError::Refused(format!(
        "cannot {what} the data directory {}: {error}; choose another with --data-dir, or let this \
         user write there",
        path.display()
    ))
}

/// Without an identity the directory must hold nothing but the lock (and a file system's own).
fn refuse_used(path: &Path) -> Result<(), VersionsError> {
    let failed = || VersionsError::io(format!("cannot list the data directory {}", path.display()));
    for entry in fs::read_dir(path).map_err(failed())? {
        let name = entry.map_err(failed())?.file_name();
        if name != "lock" && name != "lost+found" && name != "identity.new" {
            return Err(VersionsError::Refused(format!(
                "the data directory {} holds {} but no identity file, so it is not known whose \
                 it is; give this member an empty directory, or put its identity file back",
                path.display(),
                name.display()
            )));
        }
    }
    Ok(())
}

fn write(path: &Path, identity: &Identity) -> std::io::Result<()> {
    let new = path.join("identity.new");
    let mut file = File::create(&new)?;
    let Identity {
        cluster,
        member,
        incarnation,
    } = identity;
    write!(
        file,
        "format {FORMAT}\ncluster {cluster:016x}\nmember {member:016x}\n\
         incarnation {incarnation:016x}\n"
    )?;
    file.sync_all()?;
    fs::rename(new, path.join("identity"))?;
    sync_directory(path)
}

fn parse(path: &Path, text: &str) -> Result<Identity, VersionsError> {
    let mut lines = text.lines();
    let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
    let format = field("format").map(str::to_owned);
    let mut number = |name: &str| u64::from_str_radix(field(name)?, 16).ok();
    let mut identity = || {
        Some(Identity {
            cluster: number("cluster")?,
            member: number("member")?,
            incarnation: number("incarnation")?,
        })
    };
    let path = path.display();
    match format.as_deref().map(str::parse::<u32>) {
        Some(Ok(FORMAT)) => identity().ok_or_else(|| {
            VersionsError::Refused(format!(
                "the identity file in {path} is damaged; restore that file, or remove this \
                 member from the cluster and add it again with an empty directory"
            ))
        }),
        Some(Ok(other)) => Err(VersionsError::Refused(format!(
            "the data directory {path} has format {other}, this program knows {FORMAT}; start \
             the program version that wrote it"
        ))),
        _ => Err(VersionsError::Refused(format!(
            "the identity file in {path} is damaged; restore that file, or remove this member \
             from the cluster and add it again with an empty directory"
        ))),
    }
}

fn foreign(path: &Path, found: &Identity, cluster: ClusterId, member: MemberId) -> VersionsError {
    VersionsError::Refused(format!(
        "the data directory {} belongs to member {:016x} of cluster {:016x}, but this is member \
         {member:016x} of cluster {cluster:016x}; point --data-dir at this member's own \
         directory, or start with the name, peer URLs and token that the directory was made with",
        path.display(),
        found.member,
        found.cluster
    ))
}
