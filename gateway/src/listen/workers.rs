//! The threads that serve connections: one per core, each with a runtime of its own, so that a
//! connection never moves between threads. Connections are dealt out in turn.
//!
//! Everything is a task of that runtime. A local set inside it would make each wake between its
//! tasks and those that serve the streams of a connection a system call.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use quorate_core::node::answer_here;
use tokio::runtime::Builder;
use tokio::sync::mpsc;

/// Work for a thread: run there to make the future that is spawned there.
type Job = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Connections accepted but not yet taken by their thread.
const HANDED_MAX: usize = 1_024;
/// Short scripts run where their connection is served, and may recurse deeply.
const STACK_BYTES: usize = 16 * 1024 * 1024;

pub struct Workers {
    threads: Vec<mpsc::Sender<Job>>,
    next: AtomicUsize,
}

impl Workers {
    /// Starts the threads; they end when this is dropped.
    ///
    /// # Errors
    /// When a thread can't be made.
    pub fn start(threads: usize) -> io::Result<Workers> {
        let started = (0..threads.max(1)).map(start_thread);
        Ok(Workers {
            threads: started.collect::<io::Result<_>>()?,
            next: AtomicUsize::new(0),
        })
    }

    /// Has the next thread make and run a future.
    pub async fn run<F>(&self, make: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.threads.len();
        let job: Job = Box::new(move || Box::pin(make()));
        // A thread only ends when the program does.
        drop(self.threads[turn].send(job).await);
    }
}

fn start_thread(number: usize) -> io::Result<mpsc::Sender<Job>> {
    let (sender, mut jobs) = mpsc::channel::<Job>(HANDED_MAX);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new().name(format!("serve-{number}"));
    thread.stack_size(STACK_BYTES).spawn(move || {
        runtime.block_on(async move {
            tokio::spawn(answer_here());
            while let Some(job) = jobs.recv().await {
                tokio::spawn(job());
            }
        });
    })?;
    Ok(sender)
}
