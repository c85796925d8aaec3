//! The data directory: locked by one process, and of one member for good.
//!
//! The identity is drawn under another name, and gets its own once log and store have been made.
//! So a directory with an identity has had a log: where there is none, it was lost, with votes and
//! all that was acknowledged. A start that ended before goes on with what it had drawn.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

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

const IDENTITY: &str = "identity";
const IDENTITY_DRAWN: &str = "identity.new";

/// A locked data directory. The lock ends when this is dropped, or with the process.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    identity: Identity,
    is_claimed: bool,
    _lock: File,
}

impl DataDir {
    /// Makes the directory (mode 0700) if it is not there, locks it, and checks that it belongs
    /// to this member; an empty one is to be claimed, with `fresh_incarnation`.
    pub fn open(
        path: &Path,
        cluster: ClusterId,
        member: MemberId,
        fresh_incarnation: u64,
    ) -> Result<DataDir, VersionsError> {
        create(path).map_err(|error| denied("create", path, &error))?;
        let lock = lock(path)?;
        let claimed = read(path, IDENTITY)?;
        let claimed = claimed.map(|text| parse(path, &text)).transpose()?;
        let identity = match claimed {
            Some(identity) => identity,
            None => draw(
                path,
                Identity {
                    cluster,
                    member,
                    incarnation: fresh_incarnation,
                },
            )?,
        };
        if (identity.cluster, identity.member) != (cluster, member) {
            return Err(foreign(path, &identity, cluster, member));
        }
        Ok(DataDir {
            path: path.to_owned(),
            identity,
            is_claimed: claimed.is_some(),
            _lock: lock,
        })
    }

    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Whether it was this member's before this start: then it holds what the member has promised.
    pub fn is_claimed(&self) -> bool {
        self.is_claimed
    }

    /// Makes it this member's for good. Log and store must be on disk.
    ///
    /// # Errors
    /// If the disk can't be written.
    pub fn claim(&mut self) -> Result<(), VersionsError> {
        if self.is_claimed {
            return Ok(());
        }
        let (drawn, own) = (self.path.join(IDENTITY_DRAWN), self.path.join(IDENTITY));
        fs::rename(drawn, own)
            .and_then(|()| sync_directory(&self.path))
            .map_err(unclaimed(&self.path))?;
        self.is_claimed = true;
        Ok(())
    }
}

fn unclaimed(path: &Path) -> impl FnOnce(std::io::Error) -> VersionsError {
    VersionsError::io(format!(
        "cannot claim the data directory {}",
        path.display()
    ))
}

fn read(path: &Path, name: &str) -> Result<Option<String>, VersionsError> {
    let what = format!("cannot read the identity file in {}", path.display());
    match fs::read(path.join(name)) {
        Ok(text) => Ok(Some(String::from_utf8_lossy(&text).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(VersionsError::io(what)(error)),
    }
}

/// Who it is to be: as a start that did not get to the end has drawn, or as given. One that was
/// not written to its end has nothing beside it.
fn draw(path: &Path, fresh: Identity) -> Result<Identity, VersionsError> {
    if let Some(drawn) = read(path, IDENTITY_DRAWN)?
        && let Ok(identity) = parse(path, &drawn)
    {
        return Ok(identity);
    }
    refuse_used(path)?;
    write(path, &fresh).map_err(unclaimed(path))?;
    Ok(fresh)
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
        if name != "lock" && name != "lost+found" && name != IDENTITY_DRAWN {
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
    let mut file = File::create(path.join(IDENTITY_DRAWN))?;
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
