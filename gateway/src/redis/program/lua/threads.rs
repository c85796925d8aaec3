//! The few threads that run scripts, so that none holds up a connection.
//!
//! A script that was quick the last time does not wait for others that may not be: one thread runs
//! only those that were. So a lock is freed in time while somebody's loops are being waited out.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::limits::{STACK_BYTES, THREADS, WAITING_MAX};
use super::processor;
use crate::redis::fault::Fault;

/// The time of a processor that a quick script takes, and how many are remembered.
const QUICK_TIME_MAX: Duration = Duration::from_millis(50);
const REMEMBERED_MAX: usize = 10_000;

type Job = Box<dyn FnOnce() + Send>;

/// What is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Certainly quick.
    Quick,
    /// To be judged by how it went the last time; the number stands for its text.
    Script(u64),
    Long,
}

/// The threads; they end when this is dropped and their work is done. Without any thread (the
/// system gave none) scripts wait until their callers give up.
pub struct Threads {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    queues: Mutex<Queues>,
    came: Condvar,
    quick: Mutex<HashSet<u64>>,
}

#[derive(Default)]
struct Queues {
    quick: VecDeque<Job>,
    others: VecDeque<Job>,
    is_closed: bool,
}

impl Threads {
    pub fn start() -> Threads {
        let shared = Arc::<Shared>::default();
        for number in 0..THREADS {
            let (own, only_quick) = (shared.clone(), number == 0);
            let thread = std::thread::Builder::new();
            let thread = thread
                .name(format!("script-{number}"))
                .stack_size(STACK_BYTES);
            if let Err(error) = thread.spawn(move || own.work(only_quick)) {
                tracing::error!(%error, "a thread for scripts could not be started");
            }
        }
        Threads { shared }
    }

    /// Runs `job` on one of the threads. A fault: too many wait already (nothing was run), or the
    /// threads have ended.
    pub async fn run<T: Send + 'static>(
        &self,
        kind: Kind,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let (done, result) = oneshot::channel();
        let shared = self.shared.clone();
        let job: Job = Box::new(move || {
            let before = processor::time_used();
            let made = job();
            shared.note(kind, processor::time_used().saturating_sub(before));
            // A caller that went away needs no result.
            drop(done.send(made));
        });
        self.shared.put(kind, job)?;
        result
            .await
            .map_err(|_| Fault::fixed("ERR The script engine failed; see the log"))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.queues.lock().is_closed = true;
        self.shared.came.notify_all();
    }
}

const BUSY: &str = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN \
                    NOSAVE.";

impl Shared {
    fn put(&self, kind: Kind, job: Job) -> Result<(), Fault> {
        let is_quick = match kind {
            Kind::Quick => true,
            Kind::Long => false,
            Kind::Script(number) => self.quick.lock().contains(&number),
        };
        let mut queues = self.queues.lock();
        let queue = match is_quick {
            true => &mut queues.quick,
            false => &mut queues.others,
        };
        if queue.len() >= WAITING_MAX {
            return Err(Fault::fixed(BUSY));
        }
        queue.push_back(job);
        drop(queues);
        // Not every thread takes every job.
        self.came.notify_all();
        Ok(())
    }

    /// Remembers how long it took.
    fn note(&self, kind: Kind, took: Duration) {
        let Kind::Script(number) = kind else { return };
        let mut quick = self.quick.lock();
        if took > QUICK_TIME_MAX {
            quick.remove(&number);
            return;
        }
        if quick.len() >= REMEMBERED_MAX {
            quick.clear();
        }
        quick.insert(number);
    }

    fn work(&self, only_quick: bool) {
        while let Some(job) = self.next(only_quick) {
            job();
        }
    }

    fn next(&self, only_quick: bool) -> Option<Job> {
        let mut queues = self.queues.lock();
        loop {
            if let Some(job) = queues.quick.pop_front() {
                return Some(job);
            }
            if !only_quick && let Some(job) = queues.others.pop_front() {
                return Some(job);
            }
            if queues.is_closed {
                return None;
            }
            self.came.wait(&mut queues);
        }
    }
}
