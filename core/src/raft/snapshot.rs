//! A snapshot on its way: a streamed read of the versions store on one side, a second store being
//! filled on the other. Parts are bounded, each is answered before the next is sent.
//!
//! ```text
//! begin: 0 | vote | last log id | membership      part: 1 | bytes of the store's stream
//! end:   2
//! ```
//!
//! A part is answered with one byte; the end with the vote of the member that installed.

use std::io;
use std::time::Duration;

use bytes::{BufMut, Bytes};
use openraft::raft::SnapshotResponse;
use openraft::storage::{Snapshot, SnapshotMeta};
use openraft::type_config::alias::{SnapshotMetaOf, SnapshotOf};

use super::types::{Raft, TypeConfig, Vote};
use super::wire;
use crate::peer::{Kind, Link, LinkError};
use crate::versions::{Installer, Sealed, SnapshotReader, Versions};

const BEGIN: u8 = 0;
const PART: u8 = 1;
const END: u8 = 2;

/// What openraft hands round as a snapshot.
pub(crate) enum SnapshotData {
    /// A consistent read of this member's store.
    Outgoing(Versions, Box<SnapshotReader>),
    /// A second store, filled and checked, that can take this member's place.
    Incoming(Sealed),
}

/// Streams a snapshot to a peer. The time limit is for each part.
pub(crate) async fn send_snapshot(
    link: &Link,
    vote: Vote,
    snapshot: SnapshotOf<TypeConfig, SnapshotData>,
    part_timeout: Duration,
) -> Result<SnapshotResponse<TypeConfig>, LinkError> {
    let mut begin = vec![BEGIN];
    wire::put_vote(&mut begin, &vote);
    wire::put_log_id(&mut begin, snapshot.meta.last_log_id.as_ref());
    wire::put_stored_membership(&mut begin, &snapshot.meta.last_membership);
    link.call(Kind::Snapshot, begin.into(), part_timeout)
        .await?;
    let SnapshotData::Outgoing(versions, mut source) = snapshot.snapshot else {
        return Err(LinkError::NotSent(
            "an incoming snapshot is not sent on".into(),
        ));
    };
    loop {
        let read = versions.off_thread(move || (source.next(), source)).await;
        let (chunk, back) = read.map_err(|error| LinkError::NotSent(error.to_string()))?;
        source = back;
        let Some(chunk) = chunk else { break };
        let chunk = chunk.map_err(|error| LinkError::NotSent(error.to_string()))?;
        let mut part = Vec::with_capacity(chunk.len() + 1);
        part.push(PART);
        part.put_slice(&chunk);
        link.call(Kind::Snapshot, part.into(), part_timeout).await?;
    }
    let mut answer = link
        .call(
            Kind::Snapshot,
            Bytes::from_static(&[END]),
            part_timeout * 10,
        )
        .await?;
    let vote = wire::get_vote(&mut answer).map_err(|_| LinkError::Lost)?;
    Ok(SnapshotResponse::new(vote))
}

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
            (BEGIN, _) => {
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
            (PART, Some(mut incoming)) => {
                let mut install = incoming.install;
                let filling = move || (install.chunk(&payload), install);
                let filled = versions.off_thread(filling).await;
                let (result, install) = filled.map_err(io::Error::other)?;
                result.map_err(io::Error::other)?;
                incoming.install = install;
                Ok((Some(incoming), ok))
            }
            (END, Some(incoming)) => {
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
