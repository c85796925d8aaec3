//! What the matrix knows of a client: how to get it, and how to run its scenarios on a server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::exec;
use crate::server::{Cluster, Kind};
use crate::trouble::Trouble;

/// The protocol that a client speaks, which decides the real server that it is proved on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Etcd,
    Redis,
}

impl Protocol {
    /// The server whose protocol this is.
    pub fn real(self) -> Kind {
        match self {
            Self::Etcd => Kind::Etcd,
            Self::Redis => Kind::Redis,
        }
    }
}

/// One scenario's outcome on one server.
#[derive(Clone, Debug)]
pub struct Step {
    /// The scenario's name in the matrix.
    pub name: String,
    /// What the client printed, made comparable between servers (empty when its own checks are all
    /// there is), or why it failed.
    pub result: Result<String, String>,
}

/// A client of the matrix. Each gets a fresh server per run, so revisions start at 1.
#[derive(Clone, Copy)]
pub struct Client {
    /// Its name in the matrix.
    pub name: &'static str,
    pub protocol: Protocol,
    /// Builds or installs it; gives the path that `run` gets (empty for a client inside this
    /// package).
    pub prepare: fn() -> Result<PathBuf, Trouble>,
    /// Plays all its scenarios, each to its end whether or not the one before it passed.
    pub run: fn(&Path, &Cluster) -> Vec<Step>,
}

/// The step of a program that did not end as it should, beside its scenarios.
pub const PROGRAM: &str = "program";

/// Runs a client program of ours, which prints `ok NAME` or `FAIL NAME: why` for every scenario and
/// exits with 0 if all passed. Lines of other forms are its own notes.
pub fn run_program(command: Command, limit: Duration) -> Vec<Step> {
    let finished = match exec::run(command, "", limit) {
        Ok(finished) => finished,
        Err(why) => return vec![failed(PROGRAM, why)],
    };
    let mut steps: Vec<Step> = finished.stdout.lines().filter_map(parse).collect();
    let complained = steps.iter().any(|step| step.result.is_err());
    if !finished.status.success() && !complained {
        let why = format!(
            "{}\n{}{}",
            finished.status, finished.stdout, finished.stderr
        );
        steps.push(failed(PROGRAM, why));
    }
    steps
}

fn parse(line: &str) -> Option<Step> {
    if let Some(name) = line.strip_prefix("ok ") {
        return Some(Step {
            name: name.trim().to_owned(),
            result: Ok(String::new()),
        });
    }
    let (name, why) = line.strip_prefix("FAIL ")?.split_once(": ")?;
    Some(failed(name, why.to_owned()))
}

fn failed(name: &str, why: String) -> Step {
    Step {
        name: name.to_owned(),
        result: Err(why),
    }
}
