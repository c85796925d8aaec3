//! openraft's state machine: the only meeting of openraft and State.

use std::error::Error;
use std::io;
use std::sync::Arc;

use futures_util::{Stream, TryStreamExt};
use openraft::entry::RaftEntry as _;
use openraft::storage::{
    EntryResponder, RaftSnapshotBuilder, RaftStateMachine, Snapshot, SnapshotMeta,
};
use openraft::type_config::alias::{SnapshotMetaOf, SnapshotOf};
use openraft::{EntryPayload, OptionalSend};

use super::applier::{Applier, Handover};
use super::rebuild::rebuild;
use super::replica::{Replica, log_id_at};
use crate::raft::snapshot::SnapshotData;
use crate::raft::{LogId, StoredMembership, TypeConfig, wire};

/// Entries that are handed over at once.
const BATCH_ENTRIES_MAX: usize = 64;

/// openraft's handle.
pub(crate) type Raft = openraft::Raft<TypeConfig, Machine>;

pub(crate) struct Machine {
    replica: Arc<Replica>,
    handover: Handover,
    applied: Option<LogId>,
    membership: StoredMembership,
}

impl Machine {
    /// With what applies what it hands over; somebody must run it.
    pub(crate) fn new(
        replica: Arc<Replica>,
        applied: Option<LogId>,
        membership: StoredMembership,
    ) -> (Machine, Applier) {
        let (applier, handover) = Applier::new(replica.clone());
        let machine = Machine {
            replica,
            handover,
            applied,
            membership,
        };
        (machine, applier)
    }

    async fn hand_over(
        &mut self,
        batch: &mut Vec<EntryResponder<TypeConfig>>,
    ) -> Result<(), io::Error> {
        let Some((last, _)) = batch.last() else {
            return Ok(());
        };
        let last = last.log_id();
        let membership = newest_membership(batch);
        let entries = std::mem::take(batch);
        self.handover
            .apply(entries)
            .await
            .map_err(io::Error::other)?;
        if let Some(membership) = membership {
            self.membership = membership;
        }
        self.applied = Some(last);
        Ok(())
    }
}

fn newest_membership(batch: &[EntryResponder<TypeConfig>]) -> Option<StoredMembership> {
    let newest_first = batch.iter().rev();
    let mut memberships = newest_first.filter_map(|(entry, _)| match &entry.payload {
        EntryPayload::Membership(membership) => Some((entry.log_id(), membership.clone())),
        _ => None,
    });
    let (id, membership) = memberships.next()?;
    Some(StoredMembership::new(Some(id), membership))
}

impl RaftStateMachine<TypeConfig> for Machine {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        let mut batch = Vec::new();
        while let Some(entry) = entries.try_next().await? {
            batch.push(entry);
            if batch.len() >= BATCH_ENTRIES_MAX {
                self.hand_over(&mut batch).await?;
            }
        }
        self.hand_over(&mut batch).await
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder {
            replica: self.replica.clone(),
        }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMetaOf<TypeConfig>,
        snapshot: SnapshotData,
    ) -> Result<(), io::Error> {
        let SnapshotData::Incoming(install) = snapshot else {
            return Err(io::Error::other(
                "a snapshot of this member is not installed here",
            ));
        };
        let versions = self.replica.versions.clone();
        let store = versions.clone();
        let (state, position) = store
            .off_thread(move || -> Result<_, Box<dyn Error + Send + Sync>> {
                install.install()?;
                let opened = versions.reopened()?;
                Ok((rebuild(opened.parts)?, opened.position))
            })
            .await
            .map_err(io::Error::other)?
            .map_err(io::Error::other)?;
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        let index = log_id_at(position).map_or(0, |id| id.index());
        let before = self.replica.replace(state, index);
        // Freeing a million records takes a while: not here.
        let freed = self.replica.versions.off_thread(move || drop(before));
        freed.await.map_err(io::Error::other)
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> Result<Option<SnapshotOf<TypeConfig, SnapshotData>>, io::Error> {
        let mut builder = Builder {
            replica: self.replica.clone(),
        };
        Ok(Some(builder.build_snapshot().await?))
    }
}

/// Makes a snapshot: nothing is copied, the store's own consistent read is kept open.
pub(crate) struct Builder {
    replica: Arc<Replica>,
}

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> Result<SnapshotOf<TypeConfig, SnapshotData>, io::Error> {
        let versions = self.replica.versions.clone();
        let store = versions.clone();
        let source = store
            .off_thread(move || versions.snapshot())
            .await
            .map_err(io::Error::other)?
            .map_err(io::Error::other)?;
        let last_membership = match source.membership() {
            Some(bytes) => wire::get_stored_membership(&mut bytes.clone())?,
            None => StoredMembership::default(),
        };
        let last_log_id = log_id_at(source.applied());
        let meta = SnapshotMeta {
            last_log_id,
            last_membership,
        };
        Ok(Snapshot {
            meta,
            snapshot: SnapshotData::Outgoing(store, Box::new(source)),
        })
    }
}
