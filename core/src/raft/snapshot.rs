//! A snapshot on its way: a streamed read of the versions store on one side, a second store being
//! filled on the other. Parts are bounded, each is answered before the next is sent.
//!
//! ```text
//! begin: 0 | vote | last log id | membership      part: 1 | bytes of the store's stream
//! end:   2
//! ```
//!
//! A part is answered with one byte; the end with the vote of the member that installed.

use std::time::Duration;

use bytes::{BufMut, Bytes};
use openraft::raft::SnapshotResponse;
use openraft::type_config::alias::SnapshotOf;

use super::types::{TypeConfig, Vote};
use super::wire;
use crate::peer::{Kind, Link, LinkError};
use crate::versions::{Sealed, SnapshotReader, Versions};

pub(crate) const BEGIN: u8 = 0;
pub(crate) const PART: u8 = 1;
pub(crate) const END: u8 = 2;

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
