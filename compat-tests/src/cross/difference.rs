//! One thing that the two servers said differently.

use std::fmt;

/// A place in an answer where the servers differ, after normalisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What was asked, as text.
    pub request: String,
    /// Where in the answer: a call and a field's path, or a command.
    pub place: String,
    /// What the real server said there; `ABSENT` when it said nothing.
    pub theirs: String,
    /// What Quorate said there.
    pub ours: String,
}

/// Said of a place where a server has nothing.
pub const ABSENT: &str = "(absent)";

/// Longer texts are cut in the middle when they are printed.
const SHOWN_MAX: usize = 2_000;

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "  at       {}", self.place)?;
        writeln!(out, "  request  {}", shown(&self.request))?;
        writeln!(out, "  theirs   {}", shown(&self.theirs))?;
        write!(out, "  ours     {}", shown(&self.ours))
    }
}

/// `text`, cut in the middle when it is long.
pub fn shown(text: &str) -> String {
    let count = text.chars().count();
    if count <= SHOWN_MAX {
        return text.to_owned();
    }
    let half = SHOWN_MAX / 2;
    let head: String = text.chars().take(half).collect();
    let tail: String = text.chars().skip(count - half).collect();
    format!("{head} … {} more … {tail}", count - 2 * half)
}
