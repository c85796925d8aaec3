//! How often lines of one kind are written: at first as they come, then one in a while, which says
//! how many like it were left out. So whatever clients and peers do, the log stays readable, and
//! no disk fills with it.
//!
//! A kind is a place in the code, and where the line names a member, that member.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tracing::Metadata;
use tracing::callsite::Identifier;

use super::form::Fields;

/// Lines of a kind that are written as they come.
pub const BURST: u32 = 10;
/// How long it takes until one more may be.
pub const INTERVAL: Duration = Duration::from_secs(5);
/// Kinds that are told apart by a member. Peers name members; this program has some 100 places.
const KINDS_MAX: usize = 1_024;

/// The name of events whose number is bounded by what they are of.
pub const UNLIMITED: &str = "unlimited";
/// The field that names a member, and the one that counts.
const MEMBER: &str = "member";
const LEFT_OUT: &str = "left_out";

/// A line, and when it was said.
#[derive(Clone)]
pub struct Line {
    pub at: SystemTime,
    pub from: &'static Metadata<'static>,
    pub said: Fields,
}

#[derive(Default)]
pub struct Limits {
    kinds: HashMap<(Identifier, Option<String>), Kind>,
    left_out: u64,
}

struct Kind {
    /// Lines that may be written, and since when another becomes one.
    allowed: u32,
    since: Instant,
    /// How many were left out after the last that was written, and the newest of them.
    left_out: u64,
    newest: Option<Line>,
}

impl Limits {
    /// The line, if it is to be written now.
    pub fn admit(&mut self, line: Line, now: Instant) -> Option<Line> {
        if line.from.name() == UNLIMITED {
            return Some(line);
        }
        let member = line.said.others.get(MEMBER).and_then(Value::as_str);
        let member = member.filter(|_| self.kinds.len() < KINDS_MAX);
        let place = (line.from.callsite(), member.map(str::to_owned));
        let kind = self.kinds.entry(place).or_insert_with(|| Kind::new(now));
        if kind.left_out == 0 && kind.take(now) {
            return Some(line);
        }
        kind.left_out += 1;
        kind.newest = Some(line);
        self.left_out += 1;
        None
    }

    /// Of each kind of which some were left out, the newest, with their number, if it is time.
    pub fn due(&mut self, now: Instant) -> Vec<Line> {
        let kinds = self.kinds.values_mut();
        kinds.filter_map(|kind| kind.due(now)).collect()
    }

    /// The same, whether or not it is time.
    pub fn rest(&mut self) -> Vec<Line> {
        let kinds = self.kinds.values_mut();
        kinds.filter_map(Kind::take_newest).collect()
    }

    /// Lines left out since the start.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

impl Kind {
    fn new(now: Instant) -> Kind {
        Kind {
            allowed: BURST,
            since: now,
            left_out: 0,
            newest: None,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        while self.allowed < BURST && now >= self.since + INTERVAL {
            self.allowed += 1;
            self.since += INTERVAL;
        }
        if self.allowed == BURST {
            self.since = now;
        }
        let is_allowed = self.allowed > 0;
        self.allowed -= u32::from(is_allowed);
        is_allowed
    }

    fn due(&mut self, now: Instant) -> Option<Line> {
        if self.left_out == 0 || !self.take(now) {
            return None;
        }
        self.take_newest()
    }

    fn take_newest(&mut self) -> Option<Line> {
        let mut line = self.newest.take()?;
        // It is written itself.
        let others = std::mem::take(&mut self.left_out) - 1;
        line.said.others.insert(LEFT_OUT.into(), others.into());
        Some(line)
    }
}
