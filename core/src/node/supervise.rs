//! Who watches over the member: the tasks that run until it is told to stop, and where it is told
//! that it can't go on. The end of any of them, by a return or by a panic, ends the member: one
//! that still answers but no longer takes part is worse than one that is gone.
//!
//! Threads watch over themselves: each reports what stops it, and the program's panic hook ends the
//! process with what it did not expect.

use std::future::Future;
use std::sync::Arc;

use futures_util::future::select_all;
use openraft::async_runtime::WatchReceiver;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};

use super::machine::Raft;

/// What there is to do about an end that nobody foresaw.
const REMEDY: &str = "what was acknowledged is in the log: start the member again, and report \
                      what stands before this in its log";

/// Where it is told that the member can't go on: the first reason stands.
#[derive(Clone)]
pub(super) struct Faults(Arc<watch::Sender<Option<String>>>);

impl Faults {
    pub(super) fn channel() -> (Faults, watch::Receiver<Option<String>>) {
        let (sender, receiver) = watch::channel(None);
        (Faults(Arc::new(sender)), receiver)
    }

    pub(super) fn report(&self, why: String) {
        self.0.send_if_modified(|reason| {
            let first = reason.is_none();
            reason.get_or_insert(why);
            first
        });
    }
}

/// Tasks none of which may end by itself.
#[derive(Default)]
pub(super) struct Tasks {
    names: Vec<&'static str>,
    running: Vec<JoinHandle<()>>,
}

impl Tasks {
    pub(super) fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.names.push(name);
        self.running.push(tokio::spawn(task));
    }

    /// Resolves with what has ended and how.
    async fn ended(&mut self) -> String {
        assert!(!self.running.is_empty(), "there is something to watch over");
        let (result, which, _) = select_all(&mut self.running).await;
        describe(self.names[which], result)
    }

    /// Watches over them, and over Raft, until told to stop; then ends them.
    pub(super) async fn supervise(mut self, raft: &Raft, faults: &Faults, stop: impl Future) {
        tokio::pin!(stop);
        let why = tokio::select! {
            biased;
            _ = &mut stop => None,
            why = raft_ended(raft) => Some(why),
            why = self.ended() => Some(why),
        };
        if let Some(why) = why {
            faults.report(why);
            stop.await;
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.running.iter().for_each(JoinHandle::abort);
    }
}

fn describe(name: &str, result: Result<(), JoinError>) -> String {
    let how = match result {
        Ok(()) => "ended".to_owned(),
        Err(error) => format!("failed ({error})"),
    };
    format!("the member's task {name:?} {how}, so it can't go on; {REMEDY}")
}

/// Resolves with the reason once Raft's core has ended. Its senders go with it, also when it
/// panics; those of what changes rarely are waited on.
async fn raft_ended(raft: &Raft) -> String {
    let mut server = raft.server_metrics();
    while server.changed().await.is_ok() {}
    let state = raft.metrics().borrow_watched().running_state.clone();
    match state {
        Ok(()) => format!("Raft's core failed, so the member can't go on; {REMEDY}"),
        Err(fatal) => format!("Raft has stopped, so the member can't go on: {fatal}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Node, NodeConfig};
    use super::*;

    #[tokio::test]
    async fn the_end_of_a_task_is_told_by_its_name() {
        let mut tasks = Tasks::default();
        tasks.spawn("steady", std::future::pending());
        tasks.spawn("fickle", async { tokio::task::yield_now().await });
        let why = tasks.ended().await;
        assert!(
            why.starts_with("the member's task \"fickle\" ended"),
            "{why}"
        );
    }

    /// The member went on answering while its Raft was dead.
    #[tokio::test]
    async fn the_end_of_raft_is_a_fault_of_the_member() {
        let dir = tempfile::tempdir().expect("temp dir");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let url = vec![format!("http://{}", listener.local_addr().expect("bound"))];
        drop(listener);
        let config = NodeConfig {
            name: "one".into(),
            data_dir: dir.path().join("one"),
            listen_peer_urls: url.clone(),
            advertise_peer_urls: url.clone(),
            advertise_client_urls: Vec::new(),
            initial_cluster: vec![("one".into(), url)],
            settings: Default::default(),
            cluster_token: "test".into(),
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(600),
            election_max: Duration::from_millis(900),
            timers_adapt: true,
            snapshot_entries: NodeConfig::SNAPSHOT_ENTRIES,
            catch_up_entries: NodeConfig::CATCH_UP_ENTRIES,
        };
        let node = Node::start(config).await.expect("a member");
        drop(node.core.raft.shutdown().await);
        let told = tokio::time::timeout(Duration::from_secs(10), node.fatal()).await;
        assert!(told.expect("in time").starts_with("Raft has stopped"));
        node.shutdown().await;
    }

    #[tokio::test]
    async fn the_first_reason_stands() {
        let (faults, mut fault) = Faults::channel();
        faults.report("one".into());
        faults.report("two".into());
        let told = tokio::time::timeout(Duration::from_secs(1), fault.wait_for(Option::is_some));
        let told = told.await.expect("at once").expect("a sender");
        assert_eq!(told.as_deref(), Some("one"));
    }
}
