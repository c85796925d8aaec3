//! The outside world of a member, behind narrow traits, so that a simulator can stand in.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::applier::Applier;
use super::clock::{MachineTime, TimeSource};
use crate::disk::{Disk, RealDisk};
use crate::log::{self, Flusher};
use crate::peer::{SocketTransport, Transport};
use crate::types::ClusterId;
use crate::versions::{self, Directory, Opened, Versions, VersionsError};

/// What a member runs in.
#[derive(Clone)]
pub struct Environment {
    /// Where the log lies.
    pub disk: Arc<dyn Disk>,
    pub transport: Arc<dyn Transport>,
    pub time: Arc<dyn TimeSource>,
    pub workers: Arc<dyn Workers>,
}

impl Environment {
    /// This machine.
    pub fn machine() -> Environment {
        Environment {
            disk: Arc::new(RealDisk),
            transport: Arc::new(SocketTransport),
            time: Arc::new(MachineTime::default()),
            workers: Arc::new(Threads),
        }
    }
}

/// Called once when the member can't go on, with the reason for the operator.
pub type OnFatal = Box<dyn FnOnce(String) + Send>;

/// Who applies the log and who writes to the disks, beside the tasks of the core: threads, or
/// whoever steps a simulation.
pub trait Workers: Send + Sync + 'static {
    /// How the log is opened; where its faults are told is added.
    fn log_options(&self) -> log::Options;

    /// Runs the log. What is returned ends it when dropped: all that is queued is on disk then.
    ///
    /// # Errors
    /// If a thread can't be started.
    fn run_log(&self, flusher: Flusher) -> io::Result<Box<dyn Send>>;

    /// Runs what applies the log. What is returned is dropped once nothing more is handed over: all
    /// that was is applied then.
    ///
    /// # Errors
    /// If a thread can't be started.
    fn run_apply(&self, applier: Applier) -> io::Result<Box<dyn Send>>;

    /// Opens the versions store of the data directory and runs its writer.
    ///
    /// # Errors
    /// See `Versions::open`.
    fn open_versions(
        &self,
        data_dir: &Path,
        cluster: ClusterId,
        on_fatal: OnFatal,
    ) -> Result<Opened, VersionsError>;
}

/// Threads of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Threads;

impl Workers for Threads {
    fn log_options(&self) -> log::Options {
        log::Options::default().with_machine_clock()
    }

    fn run_log(&self, flusher: Flusher) -> io::Result<Box<dyn Send>> {
        Ok(Box::new(flusher.spawn()?))
    }

    fn run_apply(&self, applier: Applier) -> io::Result<Box<dyn Send>> {
        let thread = thread::Builder::new().name("apply".into());
        let handle = thread.spawn(move || applier.run())?;
        Ok(Box::new(Joined(Some(handle))))
    }

    fn open_versions(
        &self,
        data_dir: &Path,
        cluster: ClusterId,
        on_fatal: OnFatal,
    ) -> Result<Opened, VersionsError> {
        let medium = Arc::new(Directory::new(data_dir));
        Versions::open(medium, cluster, versions::Options::default(), on_fatal)
    }
}

/// A thread that ends by itself; dropping this waits for its end.
struct Joined(Option<JoinHandle<()>>);

impl Drop for Joined {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // A panic has been told, and has ended the program.
            drop(thread.join());
        }
    }
}
