//! A cursor over the arguments of one command, so that no command indexes a slice.

use bytes::Bytes;

use super::fault::Fault;
use super::number::parse_i64;

/// The arguments that are left, the command's name first.
#[derive(Clone, Debug)]
pub struct Args<'a> {
    left: &'a [Bytes],
}

impl<'a> Args<'a> {
    /// Over everything after the command's name.
    pub fn after_name(all: &'a [Bytes]) -> Args<'a> {
        Args {
            left: all.get(1..).unwrap_or_default(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// The next argument; a missing one is a syntax error (arity is checked before).
    pub fn take(&mut self) -> Result<&'a Bytes, Fault> {
        self.take_option().ok_or(Fault::SYNTAX)
    }

    pub fn take_option(&mut self) -> Option<&'a Bytes> {
        let (first, rest) = self.left.split_first()?;
        self.left = rest;
        Some(first)
    }

    pub fn take_i64(&mut self) -> Result<i64, Fault> {
        parse_i64(self.take()?).ok_or(Fault::NOT_AN_INTEGER)
    }

    /// The next argument in upper case, to compare with option names; None at the end.
    pub fn take_keyword(&mut self) -> Option<Vec<u8>> {
        self.take_option().map(|arg| arg.to_ascii_uppercase())
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [Bytes] {
        std::mem::take(&mut self.left)
    }

    /// Nothing may be left.
    pub fn finish(&self) -> Result<(), Fault> {
        if self.left.is_empty() {
            Ok(())
        } else {
            Err(Fault::SYNTAX)
        }
    }
}
