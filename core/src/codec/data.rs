//! Encoding of typed changes: the tag, then the fields in the order in which they are defined.

use super::wire::{DecodeError, Reader, Wire};
use crate::command::{DataOp, When};

impl Wire for When {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            When::Always => out.push(0),
            When::Absent => out.push(1),
            When::Present => out.push(2),
            When::Equal(value) => {
                out.push(3);
                value.put(out);
            }
            When::NotEqual(value) => {
                out.push(4);
                value.put(out);
            }
        }
    }

    fn take(input: &mut Reader) -> Result<When, DecodeError> {
        match input.byte()? {
            0 => Ok(When::Always),
            1 => Ok(When::Absent),
            2 => Ok(When::Present),
            3 => Ok(When::Equal(Wire::take(input)?)),
            4 => Ok(When::NotEqual(Wire::take(input)?)),
            tag => Err(DecodeError::UnknownTag { what: "When", tag }),
        }
    }
}

/// Writes a tag and fields, and reads the fields behind it.
macro_rules! data_ops {
    ($($tag:literal $name:ident { $($field:ident),* })*) => {
        impl Wire for DataOp {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(DataOp::$name { $($field),* } => {
                        out.push($tag);
                        $($field.put(out);)*
                    })*
                }
            }

            fn take(input: &mut Reader) -> Result<DataOp, DecodeError> {
                match input.byte()? {
                    $($tag => Ok(DataOp::$name { $($field: Wire::take(input)?),* }),)*
                    tag => Err(DecodeError::UnknownTag { what: "DataOp", tag }),
                }
            }
        }
    };
}

data_ops! {
    0 Add { key, by }
    1 Append { key, suffix }
    2 HashSet { key, fields, only_missing }
    3 HashDelete { key, fields }
    4 HashAdd { key, field, by }
    5 Set { key, value, life, when, want_old }
    6 SetMissing { pairs }
    7 Take { key }
    8 Revive { key, life }
    9 SetRange { key, offset, part }
    10 AddFloat { key, by }
    11 HashAddFloat { key, field, by }
    12 DeleteIf { key, value, is_equal }
    13 Rename { key, to, only_missing }
}
