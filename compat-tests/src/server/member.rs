//! One server process with its ports, data directory and log; it dies with its value.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{Kind, Ports, probe};
use crate::exec::{self, guarded};
use crate::trouble::Trouble;

const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A member of a cluster.
pub struct Member {
    kind: Kind,
    name: String,
    ports: Ports,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    process: Option<Child>,
}

impl Member {
    /// A member that is not started yet; its log is appended to `log` at every start.
    pub(super) fn new(
        kind: Kind,
        name: String,
        ports: Ports,
        arguments: Vec<String>,
        log: PathBuf,
    ) -> Result<Self, Trouble> {
        let program = kind.program()?;
        Ok(Self {
            kind,
            name,
            ports,
            program,
            arguments,
            environment: Vec::new(),
            log,
            process: None,
        })
    }

    /// Variables for its next starts.
    pub fn set_environment(&mut self, variables: Vec<(String, String)>) {
        self.environment = variables;
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn ports(&self) -> Ports {
        self.ports
    }

    /// All its metrics, a line each.
    pub fn metrics(&self) -> Result<String, String> {
        probe::metrics(self.ports.client)
    }

    /// Where its standard output and error go.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Starts the process with the same arguments as before; readiness is another question.
    pub fn start(&mut self) -> Result<(), Trouble> {
        assert!(self.process.is_none(), "{} already runs", self.name);
        let broken = |error| Trouble::broken(format!("start of {}", self.name), error);
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log: File = log.map_err(broken)?;
        let mut command = guarded(&self.program);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(broken)?)
            .stderr(log);
        self.process = Some(exec::spawn(command).map_err(broken)?);
        Ok(())
    }

    /// Waits until it answers health probes; fails at once when the process ends.
    pub fn wait_ready(&mut self, limit: Duration) -> Result<(), Trouble> {
        let (kind, ports) = (self.kind, self.ports);
        let answered = exec::until(limit, || {
            if self.has_ended() {
                return Ok(Err("the process ended"));
            }
            probe::ready(kind, ports).map(Ok)
        });
        let why = match answered {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(ended)) => ended.to_owned(),
            Err(late) => late,
        };
        let log = self.log_tail(30);
        Err(Trouble::broken(
            format!("{:?} {}", self.kind, self.name),
            format!("{why}\n{log}"),
        ))
    }

    fn has_ended(&mut self) -> bool {
        self.process
            .as_mut()
            .is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// SIGKILL: whatever it had not made durable is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.process.take() {
            // It may have ended by itself, which is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM, and SIGKILL when that does not end it in time.
    pub fn stop(&mut self) {
        self.signal(Signal::TERM);
        if let Some(child) = self.process.as_mut() {
            exec::wait(child, STOP_LIMIT);
        }
        self.kill();
    }

    /// SIGSTOP: alive, but it neither answers nor sees time pass until `resume`.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = &self.process {
            // The handle is unreaped, so the id cannot belong to another process.
            let _ = kill_process(Pid::from_child(child), signal);
        }
    }

    /// The last `count` lines of its log.
    pub fn log_tail(&self, count: usize) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}
