//! The few threads that run scripts, so that none holds up a connection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::limits::{STACK_BYTES, THREADS, WAITING_MAX};
use crate::redis::fault::Fault;

type Job = Box<dyn FnOnce() + Send>;

/// Handles to the threads; they end when it is dropped and their work is done. Without any thread
/// (the system gave none) every script is refused.
#[derive(Clone)]
pub struct Threads {
    queue: SyncSender<Job>,
}

impl Threads {
    pub fn start() -> Threads {
        let (queue, jobs) = sync_channel(WAITING_MAX);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..THREADS {
            let jobs = jobs.clone();
            let thread = std::thread::Builder::new();
            let thread = thread
                .name(format!("script-{number}"))
                .stack_size(STACK_BYTES);
            if let Err(error) = thread.spawn(move || work(&jobs)) {
                tracing::error!(%error, "a thread for scripts could not be started");
            }
        }
        Threads { queue }
    }

    /// Runs `job` on one of the threads. A fault: too many wait already (nothing was run), or the
    /// job panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let (done, result) = oneshot::channel();
        // A caller that went away needs no result.
        let job: Job = Box::new(move || drop(done.send(job())));
        self.queue.try_send(job).map_err(|_| Fault::fixed(BUSY))?;
        result
            .await
            .map_err(|_| Fault::fixed("ERR The script engine failed; see the log"))
    }
}

const BUSY: &str = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN \
                    NOSAVE.";

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        // Held only while waiting; the other threads wait for the lock instead.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("a script thread panicked; its script had no effect");
        }
    }
}
