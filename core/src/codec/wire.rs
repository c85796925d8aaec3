//! Primitives of the encoding: how numbers, bytes, lists and tags lie in a buffer.
//!
//! ```text
//! unsigned   LEB128, shortest form only
//! signed     zigzag, then as unsigned
//! bytes      length, then the bytes            text is the same and must be UTF-8
//! list       count, then the items             every item is at least one byte
//! option     0, or 1 and the item
//! enum       one tag byte, then the variant's fields in order
//! struct     the fields in order
//! ```
//! Each value has exactly one encoding. Invariants of decoding: it never panics, never allocates
//! by a length that the input does not hold, and never nests deeper than `TXN_DEPTH_MAX`.

use std::sync::Arc;

use bytes::Bytes;

use crate::limits::TXN_DEPTH_MAX;

/// Why bytes are not what they should be. None of these is ever skipped over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the input ends early")]
    Truncated,
    #[error("{0} bytes are left over")]
    Trailing(usize),
    #[error("format {found} is not known, this program reads {known}")]
    UnknownFormat { found: u8, known: u8 },
    #[error("tag {tag} of {what} is not known")]
    UnknownTag { what: &'static str, tag: u8 },
    #[error("a number is too large or not in its shortest form")]
    BadNumber,
    #[error("text is not UTF-8")]
    NotUtf8,
    #[error("fields of a hash are out of order")]
    Unordered,
    #[error("the checksum is wrong")]
    Checksum,
    #[error("txns nest deeper than {TXN_DEPTH_MAX}")]
    TooDeep,
    #[error("feature level {needed} is needed, this program has {known}: run a newer one")]
    FeatureLevel { needed: u32, known: u32 },
}

/// What has an encoding.
pub(crate) trait Wire: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn take(input: &mut Reader) -> Result<Self, DecodeError>;
}

/// A cursor over a received buffer.
pub(crate) struct Reader {
    input: Bytes,
    at: usize,
    /// Fields at least this long share the buffer, shorter ones are copied out.
    share_from: usize,
    depth: usize,
}

impl Reader {
    /// All fields share the buffer: for what is short-lived, or kept and dropped as a whole.
    pub(crate) fn sharing(input: Bytes) -> Reader {
        Reader {
            input,
            at: 0,
            share_from: 0,
            depth: 0,
        }
    }

    /// For what outlives its neighbours (the keys of a batch): a field that is kept pins at most
    /// eight times its own size.
    pub(crate) fn thrifty(input: Bytes) -> Reader {
        let share_from = input.len() / 8;
        Reader {
            input,
            at: 0,
            share_from,
            depth: 0,
        }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.input.len() - self.at
    }

    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        let byte = *self.input.get(self.at).ok_or(DecodeError::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    pub(crate) fn unsigned(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for shift in (0..).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift > 63 || (shift == 63 && bits > 1) || (byte == 0 && shift > 0) {
                return Err(DecodeError::BadNumber);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::BadNumber)
    }

    pub(crate) fn bytes(&mut self) -> Result<Bytes, DecodeError> {
        let len = self.length()?;
        let end = self.at + len;
        let bytes = if len >= self.share_from {
            self.input.slice(self.at..end)
        } else {
            Bytes::copy_from_slice(&self.input[self.at..end])
        };
        self.at = end;
        Ok(bytes)
    }

    /// A length or count; the input holds at least that many more bytes.
    fn length(&mut self) -> Result<usize, DecodeError> {
        let len = usize::try_from(self.unsigned()?).map_err(|_| DecodeError::Truncated)?;
        if len > self.remaining() {
            return Err(DecodeError::Truncated);
        }
        Ok(len)
    }

    /// Decodes something one level deeper.
    pub(crate) fn nested<T>(
        &mut self,
        take: impl FnOnce(&mut Reader) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        // The outermost txn is level 1, so a whole TXN_DEPTH_MAX may be nested in it.
        if self.depth > TXN_DEPTH_MAX {
            return Err(DecodeError::TooDeep);
        }
        self.depth += 1;
        let taken = take(self)?;
        self.depth -= 1;
        Ok(taken)
    }

    /// Nothing may be left over.
    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(DecodeError::Trailing(left)),
        }
    }
}

pub(crate) fn put_unsigned(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_unsigned(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

pub(crate) fn put_list<T: Wire>(items: &[T], out: &mut Vec<u8>) {
    put_unsigned(items.len() as u64, out);
    for item in items {
        item.put(out);
    }
}

impl Wire for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        put_unsigned(*self, out);
    }

    fn take(input: &mut Reader) -> Result<u64, DecodeError> {
        input.unsigned()
    }
}

impl Wire for u32 {
    fn put(&self, out: &mut Vec<u8>) {
        put_unsigned(u64::from(*self), out);
    }

    fn take(input: &mut Reader) -> Result<u32, DecodeError> {
        u32::try_from(input.unsigned()?).map_err(|_| DecodeError::BadNumber)
    }
}

impl Wire for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        put_unsigned(((self << 1) ^ (self >> 63)) as u64, out);
    }

    fn take(input: &mut Reader) -> Result<i64, DecodeError> {
        let zigzag = input.unsigned()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }
}

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(input: &mut Reader) -> Result<bool, DecodeError> {
        match input.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            tag => Err(DecodeError::UnknownTag { what: "bool", tag }),
        }
    }
}

impl Wire for Bytes {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self, out);
    }

    fn take(input: &mut Reader) -> Result<Bytes, DecodeError> {
        input.bytes()
    }
}

impl Wire for Arc<str> {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_bytes(), out);
    }

    fn take(input: &mut Reader) -> Result<Arc<str>, DecodeError> {
        let bytes = input.bytes()?;
        let text = std::str::from_utf8(&bytes).map_err(|_| DecodeError::NotUtf8)?;
        Ok(text.into())
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(item) = self {
            item.put(out);
        }
    }

    fn take(input: &mut Reader) -> Result<Option<T>, DecodeError> {
        Ok(if bool::take(input)? {
            Some(T::take(input)?)
        } else {
            None
        })
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_list(self, out);
    }

    fn take(input: &mut Reader) -> Result<Vec<T>, DecodeError> {
        let count = input.length()?;
        // An item is larger in memory than its byte of input: let long lists grow as they come.
        let mut items = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            items.push(T::take(input)?);
        }
        Ok(items)
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(input: &mut Reader) -> Result<(A, B), DecodeError> {
        Ok((A::take(input)?, B::take(input)?))
    }
}

/// A struct whose encoding is its fields in the order given; forgetting one does not compile.
macro_rules! wire_struct {
    ($type:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::codec::Wire for $type {
            fn put(&self, out: &mut Vec<u8>) {
                let $type { $($field),+ } = self;
                $($crate::codec::Wire::put($field, out);)+
            }

            fn take(
                input: &mut $crate::codec::Reader,
            ) -> Result<$type, $crate::codec::DecodeError> {
                $(let $field = $crate::codec::Wire::take(input)?;)+
                Ok($type { $($field),+ })
            }
        }
    };
}

/// An enum without fields; forgetting a variant does not compile.
macro_rules! wire_enum {
    ($type:ident { $($variant:ident = $tag:literal),+ $(,)? }) => {
        impl $crate::codec::Wire for $type {
            fn put(&self, out: &mut Vec<u8>) {
                out.push(match self { $($type::$variant => $tag),+ });
            }

            fn take(
                input: &mut $crate::codec::Reader,
            ) -> Result<$type, $crate::codec::DecodeError> {
                match input.byte()? {
                    $($tag => Ok($type::$variant),)+
                    tag => Err($crate::codec::DecodeError::UnknownTag {
                        what: stringify!($type),
                        tag,
                    }),
                }
            }
        }
    };
}

pub(crate) use {wire_enum, wire_struct};
