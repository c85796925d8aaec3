//! What the member is at present, looked up ten times a second for the calls that ask each time:
//! a look at the node itself costs more than a put should.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use quorate_core::node::Node;
use tokio::sync::watch;
use tokio::time::Instant;

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(100);

/// Elections without a leader after which streams that want one are ended.
const ELECTIONS_MAX: u32 = 3;

pub struct Standing {
    is_learner: AtomicBool,
    bytes_kept: AtomicU64,
    leader_changes: AtomicU64,
    /// Changes each time that the member has been without a leader for too long.
    leaderless: watch::Sender<u64>,
}

impl Standing {
    /// Starts the looking task on the current runtime.
    pub fn start(node: Node, election_timeout: Duration) -> Arc<Standing> {
        let standing = Arc::new(Standing {
            is_learner: AtomicBool::new(false),
            bytes_kept: AtomicU64::new(0),
            leader_changes: AtomicU64::new(0),
            leaderless: watch::Sender::new(0),
        });
        tokio::spawn(
            standing
                .clone()
                .look(node, election_timeout * ELECTIONS_MAX),
        );
        standing
    }

    pub fn is_learner(&self) -> bool {
        self.is_learner.load(Ordering::Relaxed)
    }

    /// Bytes that the store keeps.
    pub fn bytes_kept(&self) -> u64 {
        self.bytes_kept.load(Ordering::Relaxed)
    }

    /// Leaders seen since the start.
    pub fn leader_changes(&self) -> u64 {
        self.leader_changes.load(Ordering::Relaxed)
    }

    pub fn leaderless(&self) -> watch::Receiver<u64> {
        self.leaderless.subscribe()
    }

    async fn look(self: Arc<Self>, node: Node, patience: Duration) {
        let (mut led, mut leader) = (Instant::now(), None);
        loop {
            let status = node.status();
            self.is_learner.store(status.is_learner, Ordering::Relaxed);
            self.bytes_kept.store(status.bytes_kept, Ordering::Relaxed);
            if status.leader.is_some() {
                led = Instant::now();
                if status.leader != leader {
                    leader = status.leader;
                    self.leader_changes.fetch_add(1, Ordering::Relaxed);
                }
            } else if led.elapsed() >= patience {
                led = Instant::now();
                self.leaderless.send_modify(|losses| *losses += 1);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }
}
