//! A snapshot that comes in: its parts, as `raft/snapshot.rs` sends them, fill a second store that
//! then takes the first one's place.

use std::io;

use bytes::Bytes;
use openraft::storage::{Snapshot, SnapshotMeta};
use openraft::type_config::alias::SnapshotMetaOf;

use super::machine::Raft;
use crate::raft::snapshot::{self, SnapshotData};
use crate::raft::{TypeConfig, Vote, wire};
use crate::versions::{Installer, Versions};

async fn begin(versions: &Versions) -> io::Result<Box<Installer>> {
    let store = versions.clone();
    let begun = versions.off_thread(move || store.install()).await;
    Ok(Box::new(
        begun.map_err(io::Error::other)?.map_err(io::Error::other)?,
    ))
}

/// The receiving side of one snapshot.
pub(crate) struct IncomingSnapshot {
    vote: Vote,
    meta: SnapshotMetaOf<TypeConfig>,
    install: Box<Installer>,
}

impl IncomingSnapshot {
    /// Takes the next part; gives back what is under way, and the answer.
    ///
    /// # Errors
    /// Parts out of order, damaged or foreign: the connection is closed, the old state stays.
    pub(crate) async fn receive(
        incoming: Option<IncomingSnapshot>,
        mut payload: Bytes,
        raft: &Raft,
        versions: &Versions,
    ) -> io::Result<(Option<IncomingSnapshot>, Bytes)> {
        let ok = Bytes::from_static(&[1]);
        match (wire::get_u8(&mut payload)?, incoming) {
            (snapshot::BEGIN, _) => {
                let vote = wire::get_vote(&mut payload)?;
                let last_log_id = wire::get_log_id(&mut payload)?;
                let last_membership = wire::get_stored_membership(&mut payload)?;
                let meta = SnapshotMeta {
                    last_log_id,
                    last_membership,
                };
                let install = begin(versions).await?;
                Ok((
                    Some(IncomingSnapshot {
                        vote,
                        meta,
                        install,
                    }),
                    ok,
                ))
            }
            (snapshot::PART, Some(mut incoming)) => {
                let mut install = incoming.install;
                let filling = move || (install.chunk(&payload), install);
                let filled = versions.off_thread(filling).await;
                let (result, install) = filled.map_err(io::Error::other)?;
                result.map_err(io::Error::other)?;
                incoming.install = install;
                Ok((Some(incoming), ok))
            }
            (snapshot::END, Some(incoming)) => {
                let IncomingSnapshot {
                    vote,
                    meta,
                    install,
                } = incoming;
                let sealed = versions.off_thread(move || install.seal()).await;
                let sealed = sealed
                    .map_err(io::Error::other)?
                    .map_err(io::Error::other)?;
                let snapshot = Snapshot {
                    meta,
                    snapshot: SnapshotData::Incoming(sealed),
                };
                let installed = raft.install_full_snapshot(vote, snapshot).await;
                let response = installed.map_err(io::Error::other)?;
                let mut out = Vec::new();
                wire::put_vote(&mut out, &response.vote);
                Ok((None, out.into()))
            }
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "snapshot part out of order",
            )),
        }
    }
}
