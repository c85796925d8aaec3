//! etcdctl commands against one server, and the transcript of what they answered.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::normal::Normaliser;
use crate::exec::{self, Finished, Follow, guarded};

/// For a command to end, and for a followed one to print its next line.
pub(super) const LIMIT: Duration = Duration::from_secs(15);

/// Which etcdctl: 3.4 lacks some options and prints some things otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V3_4,
    V3_7,
}

pub(super) struct Session {
    program: PathBuf,
    /// One, so that what answers is always the same member.
    endpoint: String,
    pub(super) version: Version,
    normaliser: Normaliser,
    transcript: String,
}

impl Session {
    pub(super) fn new(program: &Path, endpoint: String, version: Version) -> Self {
        Self {
            program: program.to_owned(),
            endpoint,
            version,
            normaliser: Normaliser::default(),
            transcript: String::new(),
        }
    }

    /// What was said since the last call, normalised; ids are named anew from here on, so that a
    /// scenario's transcript does not depend on the ids that others met.
    pub(super) fn take_transcript(&mut self) -> String {
        self.normaliser = Normaliser::default();
        std::mem::take(&mut self.transcript)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = guarded(&self.program);
        command
            .args(["--endpoints", &self.endpoint])
            .args(arguments);
        command
    }

    fn note(&mut self, arguments: &[&str], output: &str) {
        let said = format!("$ etcdctl {}\n{output}", arguments.join(" "));
        self.transcript.push_str(&self.normaliser.apply(&said));
    }

    fn run(&mut self, arguments: &[&str], input: &str) -> Result<Finished, String> {
        let finished = exec::run(self.command(arguments), input, LIMIT)?;
        self.note(
            arguments,
            &format!("{}{}", finished.stdout, finished.stderr),
        );
        Ok(finished)
    }

    /// The standard output of a command that must succeed.
    pub(super) fn ok(&mut self, arguments: &[&str]) -> Result<String, String> {
        self.ok_with_input(arguments, "")
    }

    /// As `ok`, with `input` on standard input.
    pub(super) fn ok_with_input(
        &mut self,
        arguments: &[&str],
        input: &str,
    ) -> Result<String, String> {
        self.run(arguments, input)?
            .success()
            .map_err(|why| format!("{arguments:?}: {why}"))
    }

    /// A command that must print exactly `expected`.
    pub(super) fn prints(&mut self, arguments: &[&str], expected: &str) -> Result<(), String> {
        let got = self.ok(arguments)?;
        check_equal(&format!("{arguments:?}"), &got, expected)
    }

    /// A command that must fail with `text` in its message.
    pub(super) fn fails(&mut self, arguments: &[&str], text: &str) -> Result<(), String> {
        let finished = self.run(arguments, "")?;
        let said = format!("{}{}", finished.stdout, finished.stderr);
        if finished.status.success() {
            return Err(format!("{arguments:?} succeeded: {said}"));
        }
        if !said.contains(text) {
            return Err(format!("{arguments:?} failed without {text:?}: {said}"));
        }
        Ok(())
    }

    /// A command's JSON answer.
    pub(super) fn json(&mut self, arguments: &[&str]) -> Result<serde_json::Value, String> {
        let output = self.ok(&[arguments, &["-w", "json"]].concat())?;
        serde_json::from_str(&output).map_err(|error| format!("{arguments:?}: {error}: {output}"))
    }

    /// The store's revision now.
    pub(super) fn revision(&mut self) -> Result<i64, String> {
        let answer = self.json(&["get", "no-such-key"])?;
        answer["header"]["revision"]
            .as_i64()
            .ok_or_else(|| format!("no revision: {answer}"))
    }

    /// A command that goes on until it is dropped or interrupted.
    pub(super) fn follow(&self, arguments: &[&str]) -> Result<Follow, String> {
        Follow::start(self.command(arguments))
    }

    /// The next `count` lines of a followed command, which go into the transcript.
    pub(super) fn lines(
        &mut self,
        arguments: &[&str],
        followed: &Follow,
        count: usize,
    ) -> Result<String, String> {
        let lines = followed.lines(count, LIMIT)?;
        self.note(arguments, &lines);
        Ok(lines)
    }
}

/// An error that shows both when they differ.
pub(super) fn check_equal(what: &str, got: &str, expected: &str) -> Result<(), String> {
    if got == expected {
        return Ok(());
    }
    Err(format!("{what}\nexpected: {expected:?}\ngot:      {got:?}"))
}
