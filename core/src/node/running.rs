//! A running member: what it says of itself, and how it stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use openraft::async_runtime::WatchReceiver;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::api::{Member, Status};
use super::core::Core;
use super::machine::Raft;
use crate::raft::Peer;
use crate::types::{ClusterId, MemberId};
use crate::versions::{DataDir, Versions};

/// What keeps a node running, and what it says of itself.
pub(super) struct Running {
    pub(super) cluster: ClusterId,
    pub(super) member: MemberId,
    pub(super) raft: Raft,
    pub(super) fault: watch::Receiver<Option<String>>,
    pub(super) stop: Arc<Notify>,
    pub(super) stopped: AtomicBool,
    pub(super) held: Mutex<Option<Held>>,
}

/// What must have ended before the data directory is another's.
pub(super) struct Held {
    pub(super) core: Option<CoreEnd>,
    pub(super) apply: Box<dyn Send>,
    pub(super) log: Box<dyn Send>,
    pub(super) versions: Versions,
    pub(super) data_dir: DataDir,
}

/// What runs the tasks of the core until it was told to stop.
pub(super) enum CoreEnd {
    Thread(JoinHandle<()>),
    /// In the runtime that it was started in.
    Task(tokio::task::JoinHandle<()>),
}

impl Running {
    pub(super) fn member_ids(&self) -> Vec<MemberId> {
        let metrics = self.raft.metrics();
        metrics
            .borrow_watched()
            .membership_config
            .nodes()
            .map(|(id, _)| *id)
            .collect()
    }

    pub(super) fn members(&self, core: &Core) -> Vec<Member> {
        let membership = self
            .raft
            .metrics()
            .borrow_watched()
            .membership_config
            .clone();
        let voters: Vec<MemberId> = membership.voter_ids().collect();
        let state = core.replica.state.read();
        let show = |(id, peer): (&MemberId, &Peer)| {
            let published = state.member(*id);
            Member {
                id: *id,
                name: published.map_or(String::new(), |member| member.name.to_string()),
                peer_urls: peer.peer_urls.clone(),
                client_urls: published.map_or(Vec::new(), |member| {
                    member
                        .client_urls
                        .iter()
                        .map(|url| url.to_string())
                        .collect()
                }),
                is_learner: !voters.contains(id),
            }
        };
        membership.nodes().map(show).collect()
    }

    pub(super) fn status(&self, core: &Core) -> Status {
        let metrics = self.raft.metrics().borrow_watched().clone();
        let (sizes, glance) = (core.replica.versions.sizes(), core.replica.glance());
        Status {
            cluster: self.cluster,
            member: self.member,
            leader: core.leader(),
            term: metrics.current_term,
            last_index: metrics.last_log_index.unwrap_or(0),
            purged_index: metrics.purged.map_or(0, |purged| purged.index()),
            committed_index: glance.applied,
            applied_index: glance.applied,
            revision: glance.revision,
            is_learner: metrics
                .membership_config
                .membership()
                .learner_ids()
                .any(|id| id == self.member),
            db_size: sizes.file,
            db_size_in_use: sizes.in_use,
            bytes_kept: sizes.kept,
        }
    }

    pub(super) async fn fatal(&self) -> String {
        let mut fault = self.fault.clone();
        match fault.wait_for(Option::is_some).await {
            Ok(fault) => fault.clone().unwrap_or_default(),
            Err(_) => "the core thread ended".into(),
        }
    }

    /// Raft first, then apply, the log, the store: nothing is acknowledged by what is closed.
    pub(super) async fn stop(&self) {
        if self.stopped.swap(true, Ordering::SeqCst) {
            return;
        }
        self.stop.notify_one();
        let Some(mut held) = self.held.lock().take() else {
            return;
        };
        let store = held.versions.clone();
        // The core's thread may itself wait for what waits for room.
        store.stop_waiting();
        if let Some(CoreEnd::Task(task)) = held.core.take_if(|core| !core.is_thread()) {
            drop(task.await);
        }
        drop(store.off_thread(move || held.close()).await);
    }
}

impl CoreEnd {
    fn is_thread(&self) -> bool {
        matches!(self, CoreEnd::Thread(_))
    }
}

impl Held {
    fn has_thread(&self) -> bool {
        self.core.as_ref().is_some_and(CoreEnd::is_thread)
    }

    /// Waits for the core's thread, which was told to stop, and closes what it used.
    fn close(self) {
        if let Some(CoreEnd::Thread(thread)) = self.core {
            // A panic has been told.
            drop(thread.join());
        }
        drop(self.apply);
        drop(self.log);
        if let Err(error) = self.versions.close() {
            tracing::error!(target: "versions", %error, "the store did not close well");
        }
        drop(self.data_dir);
    }
}

/// Whoever drops a member without a stop, as a test that panics, is not to wait for it: it ends by
/// itself.
impl Drop for Running {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(held) = self.held.get_mut().take_if(|held| held.has_thread()) {
            std::thread::spawn(move || held.close());
        }
    }
}
