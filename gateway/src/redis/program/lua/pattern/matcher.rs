//! The backtracking matcher.

use super::class;
use crate::redis::program::lua::limits::{MATCH_DEPTH_MAX, MATCH_STEPS_PER_LOOK};
use crate::redis::program::lua::raised::Raised;

/// Captures of one pattern (Lua's `LUA_MAXCAPTURES`).
const CAPTURES_MAX: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    Malformed(&'static str),
    Stopped(Raised),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Open,
    Position,
    Closed(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    start: usize,
    length: Length,
}

/// What a capture holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture<'a> {
    Text(&'a [u8]),
    /// Counted from 1.
    Position(usize),
}

type Matched = Result<Option<usize>, PatternError>;

pub struct Matcher<'a> {
    subject: &'a [u8],
    pattern: &'a [u8],
    slots: Vec<Slot>,
    depth: usize,
    steps: u32,
    /// Called every so many steps; ends the match by an error.
    look: &'a dyn Fn(u32) -> Result<(), Raised>,
}

impl<'a> Matcher<'a> {
    /// A pattern ends at its first zero byte, as in Lua 5.1.
    pub fn new(
        subject: &'a [u8],
        pattern: &'a [u8],
        look: &'a dyn Fn(u32) -> Result<(), Raised>,
    ) -> Matcher<'a> {
        let end = pattern
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(pattern.len());
        let pattern = &pattern[..end];
        Matcher {
            subject,
            pattern,
            slots: Vec::new(),
            depth: 0,
            steps: 0,
            look,
        }
    }

    /// Where a match that begins at `start` ends.
    pub fn match_at(&mut self, start: usize) -> Matched {
        self.slots.clear();
        self.run(start, 0)
    }

    /// How many captures there are, the whole match counted as one if there are none.
    pub fn capture_count(&self) -> usize {
        self.slots.len().max(1)
    }

    pub fn has_captures(&self) -> bool {
        !self.slots.is_empty()
    }

    /// A capture, counted from 0, of the match `start..end`.
    pub fn capture(
        &self,
        index: usize,
        start: usize,
        end: usize,
    ) -> Result<Capture<'a>, PatternError> {
        let Some(slot) = self.slots.get(index) else {
            return match index {
                0 => Ok(Capture::Text(&self.subject[start..end])),
                _ => Err(PatternError::Malformed("invalid capture index")),
            };
        };
        match slot.length {
            Length::Open => Err(PatternError::Malformed("unfinished capture")),
            Length::Position => Ok(Capture::Position(slot.start + 1)),
            Length::Closed(length) => Ok(Capture::Text(
                &self.subject[slot.start..slot.start + length],
            )),
        }
    }

    /// A part of the subject.
    pub fn text(&self, span: std::ops::Range<usize>) -> &'a [u8] {
        &self.subject[span]
    }

    fn step(&mut self) -> Result<(), PatternError> {
        self.steps += 1;
        if self.steps >= MATCH_STEPS_PER_LOOK {
            self.steps = 0;
            (self.look)(MATCH_STEPS_PER_LOOK).map_err(PatternError::Stopped)?;
        }
        Ok(())
    }

    fn run(&mut self, s: usize, p: usize) -> Matched {
        if self.depth >= MATCH_DEPTH_MAX {
            return Err(PatternError::Malformed("pattern too complex"));
        }
        self.depth += 1;
        let matched = self.advance(s, p);
        self.depth -= 1;
        matched
    }

    /// Matches items one after the other; recurses where there is a choice to come back to.
    fn advance(&mut self, mut s: usize, mut p: usize) -> Matched {
        loop {
            self.step()?;
            let Some(item) = self.pattern.get(p) else {
                return Ok(Some(s));
            };
            match (item, self.pattern.get(p + 1)) {
                (b'(', Some(b')')) => return self.open(s, p + 2, Length::Position),
                (b'(', _) => return self.open(s, p + 1, Length::Open),
                (b')', _) => return self.close(s, p + 1),
                (b'$', None) => return Ok((s == self.subject.len()).then_some(s)),
                (b'%', Some(b'b')) => match self.balanced(s, p + 2)? {
                    Some(end) => (s, p) = (end, p + 4),
                    None => return Ok(None),
                },
                (b'%', Some(b'f')) => match self.frontier(s, p + 2)? {
                    Some(next) => p = next,
                    None => return Ok(None),
                },
                (b'%', Some(digit @ b'0'..=b'9')) => match self.back_reference(s, *digit)? {
                    Some(end) => (s, p) = (end, p + 2),
                    None => return Ok(None),
                },
                _ => {
                    let end = class::end(self.pattern, p)?;
                    match self.pattern.get(end) {
                        Some(b'?') => {
                            if self.fits(s, p, end)
                                && let Some(matched) = self.run(s + 1, end + 1)?
                            {
                                return Ok(Some(matched));
                            }
                            p = end + 1;
                        }
                        Some(b'*') => return self.longest(s, p, end),
                        Some(b'+') if self.fits(s, p, end) => return self.longest(s + 1, p, end),
                        Some(b'-') => return self.shortest(s, p, end),
                        Some(b'+') => return Ok(None),
                        _ if self.fits(s, p, end) => (s, p) = (s + 1, end),
                        _ => return Ok(None),
                    }
                }
            }
        }
    }

    fn fits(&self, s: usize, p: usize, end: usize) -> bool {
        self.subject
            .get(s)
            .is_some_and(|byte| class::single(*byte, self.pattern, p, end))
    }

    fn longest(&mut self, s: usize, p: usize, end: usize) -> Matched {
        let mut count = 0;
        while self.fits(s + count, p, end) {
            self.step()?;
            count += 1;
        }
        loop {
            if let Some(matched) = self.run(s + count, end + 1)? {
                return Ok(Some(matched));
            }
            if count == 0 {
                return Ok(None);
            }
            count -= 1;
        }
    }

    fn shortest(&mut self, mut s: usize, p: usize, end: usize) -> Matched {
        loop {
            if let Some(matched) = self.run(s, end + 1)? {
                return Ok(Some(matched));
            }
            if !self.fits(s, p, end) {
                return Ok(None);
            }
            s += 1;
        }
    }

    fn open(&mut self, s: usize, p: usize, length: Length) -> Matched {
        if self.slots.len() >= CAPTURES_MAX {
            return Err(PatternError::Malformed("too many captures"));
        }
        self.slots.push(Slot { start: s, length });
        let matched = self.run(s, p)?;
        if matched.is_none() {
            self.slots.pop();
        }
        Ok(matched)
    }

    fn close(&mut self, s: usize, p: usize) -> Matched {
        let open = self
            .slots
            .iter()
            .rposition(|slot| slot.length == Length::Open);
        let index = open.ok_or(PatternError::Malformed("invalid pattern capture"))?;
        self.slots[index].length = Length::Closed(s - self.slots[index].start);
        let matched = self.run(s, p)?;
        if matched.is_none() {
            self.slots[index].length = Length::Open;
        }
        Ok(matched)
    }

    /// `%bxy`.
    fn balanced(&mut self, s: usize, p: usize) -> Matched {
        let (Some(open), Some(shut)) = (self.pattern.get(p), self.pattern.get(p + 1)) else {
            return Err(PatternError::Malformed("unbalanced pattern"));
        };
        if self.subject.get(s) != Some(open) {
            return Ok(None);
        }
        let mut nested = 1;
        for (offset, byte) in self.subject[s + 1..].iter().enumerate() {
            self.step()?;
            if byte == shut {
                nested -= 1;
                if nested == 0 {
                    return Ok(Some(s + offset + 2));
                }
            } else if byte == open {
                nested += 1;
            }
        }
        Ok(None)
    }

    /// `%f[set]`: where the set begins. The ends of the subject count as zero bytes.
    fn frontier(&self, s: usize, p: usize) -> Matched {
        if self.pattern.get(p) != Some(&b'[') {
            return Err(PatternError::Malformed("missing '[' after '%f' in pattern"));
        }
        let end = class::end(self.pattern, p)?;
        let set = &self.pattern[p + 1..end - 1];
        let before = s.checked_sub(1).map_or(0, |at| self.subject[at]);
        let after = self.subject.get(s).copied().unwrap_or(0);
        Ok((!class::in_set(before, set) && class::in_set(after, set)).then_some(end))
    }

    fn back_reference(&self, s: usize, digit: u8) -> Matched {
        let slot = usize::from(digit).checked_sub(usize::from(b'1'));
        let slot = slot.and_then(|index| self.slots.get(index));
        let held = match slot {
            Some(Slot {
                start,
                length: Length::Closed(length),
            }) => start..&(start + length),
            Some(Slot {
                length: Length::Position,
                ..
            }) => return Ok(None),
            _ => return Err(PatternError::Malformed("invalid capture index")),
        };
        let held = &self.subject[*held.start..*held.end];
        Ok(self.subject[s..]
            .starts_with(held)
            .then_some(s + held.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::program::lua::limits::STACK_BYTES;

    fn find(subject: &str, pattern: &str) -> Result<Option<(usize, usize)>, PatternError> {
        let mut matcher = Matcher::new(subject.as_bytes(), pattern.as_bytes(), &|_| Ok(()));
        for start in 0..=subject.len() {
            if let Some(end) = matcher.match_at(start)? {
                return Ok(Some((start, end)));
            }
        }
        Ok(None)
    }

    #[test]
    fn patterns_find_what_lua_finds() {
        let cases = [
            ("hello world", "o w", Some((4, 7))),
            ("key=value", "%w+=", Some((0, 4))),
            ("  x", "%S", Some((2, 3))),
            ("a[b]c", "[]]", Some((3, 4))),
            ("a-b", "[a%-]+", Some((0, 2))),
            ("THE (quick) fox", "%((%a+)%)", Some((4, 11))),
            ("f(a(b)c)d", "%b()", Some((1, 8))),
            ("THE (quick) fox", "%f[%a]%a+%f[%A]", Some((0, 3))),
            ("abcabc", "(abc)%1", Some((0, 6))),
            ("aaa", "a-$", Some((0, 3))),
            ("x", "y?x", Some((0, 1))),
            ("x", "[^x]", None),
            ("", "", Some((0, 0))),
            ("a^b", "[%^]", Some((1, 2))),
        ];
        for (subject, pattern, span) in cases {
            assert_eq!(find(subject, pattern), Ok(span), "{subject} {pattern}");
        }
    }

    #[test]
    fn malformed_patterns_are_told() {
        for (pattern, text) in [
            ("[a", "malformed pattern (missing ']')"),
            ("%", "malformed pattern (ends with '%')"),
            ("x)", "invalid pattern capture"),
            ("%1", "invalid capture index"),
            ("%bx", "unbalanced pattern"),
            ("%fa", "missing '[' after '%f' in pattern"),
        ] {
            assert_eq!(
                find("xx", pattern),
                Err(PatternError::Malformed(text)),
                "{pattern}"
            );
        }
    }

    #[test]
    fn backtracking_is_looked_at() {
        let subject = "a".repeat(60);
        let pattern = format!("{}b", "a*".repeat(30));
        let stopped = Raised::Text(b"enough".to_vec());
        let look = |_| Err(stopped.clone());
        let mut matcher = Matcher::new(subject.as_bytes(), pattern.as_bytes(), &look);
        assert_eq!(
            matcher.match_at(0),
            Err(PatternError::Stopped(stopped.clone()))
        );
    }

    #[test]
    fn depth_is_bounded() {
        let deep = || {
            let pattern = "a?".repeat(100_000);
            let subject = "a".repeat(100_000);
            let too_deep = PatternError::Malformed("pattern too complex");
            assert_eq!(find(&subject, &pattern), Err(too_deep));
        };
        let thread = std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(deep);
        thread.expect("a thread").join().expect("no overflow");
    }
}
