//! Encoding of the ops of a txn.

use super::wire::{DecodeError, Reader, Wire, wire_enum, wire_struct};
use crate::command::{
    DeleteOp, Direction, Life, LifeCondition, Op, Order, PutOp, PutValue, RangeOp, SetLifeOp,
    SortTarget, TurnId, TurnOp, TurnStep,
};

impl Wire for Op {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Op::Range(op) => {
                out.push(0);
                op.put(out);
            }
            Op::Put(op) => {
                out.push(1);
                op.put(out);
            }
            Op::Delete(op) => {
                out.push(2);
                op.put(out);
            }
            Op::SetLife(op) => {
                out.push(3);
                op.put(out);
            }
            Op::Data(op) => {
                out.push(4);
                op.put(out);
            }
            Op::Publish { channel, payload } => {
                out.push(5);
                channel.put(out);
                payload.put(out);
            }
            Op::Txn(txn) => {
                out.push(6);
                txn.put(out);
            }
            Op::Because(cause) => {
                out.push(7);
                cause.put(out);
            }
            Op::Turn(op) => {
                out.push(8);
                op.put(out);
            }
        }
    }

    fn take(input: &mut Reader) -> Result<Op, DecodeError> {
        match input.byte()? {
            0 => Ok(Op::Range(Wire::take(input)?)),
            1 => Ok(Op::Put(Wire::take(input)?)),
            2 => Ok(Op::Delete(Wire::take(input)?)),
            3 => Ok(Op::SetLife(Wire::take(input)?)),
            4 => Ok(Op::Data(Wire::take(input)?)),
            5 => Ok(Op::Publish {
                channel: Wire::take(input)?,
                payload: Wire::take(input)?,
            }),
            6 => Ok(Op::Txn(Wire::take(input)?)),
            7 => Ok(Op::Because(Wire::take(input)?)),
            8 => Ok(Op::Turn(Wire::take(input)?)),
            tag => Err(DecodeError::UnknownTag { what: "Op", tag }),
        }
    }
}

wire_struct!(RangeOp {
    range,
    revision,
    limit,
    order,
    keys_only,
    count_only,
    mod_bounds,
    create_bounds,
});
wire_struct!(Order { target, direction });
wire_enum!(SortTarget { Key = 0, Version = 1, Create = 2, Mod = 3, Value = 4 });
wire_enum!(Direction { Natural = 0, Ascending = 1, Descending = 2 });
wire_struct!(PutOp {
    key,
    value,
    life,
    want_prev
});
wire_struct!(DeleteOp { range, want_prev });
wire_struct!(SetLifeOp {
    key,
    life,
    condition
});
wire_struct!(TurnId {
    member,
    start,
    number
});
wire_enum!(TurnStep { Ask = 0, GoOn = 1, End = 2 });
wire_struct!(TurnOp { id, step });
wire_struct!(LifeCondition {
    only_without,
    only_with,
    only_later,
    only_earlier
});

impl Wire for PutValue {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            PutValue::Set(value) => {
                out.push(0);
                value.put(out);
            }
            PutValue::Keep => out.push(1),
        }
    }

    fn take(input: &mut Reader) -> Result<PutValue, DecodeError> {
        match input.byte()? {
            0 => Ok(PutValue::Set(Wire::take(input)?)),
            1 => Ok(PutValue::Keep),
            tag => Err(DecodeError::UnknownTag {
                what: "PutValue",
                tag,
            }),
        }
    }
}

impl Wire for Life {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Life::Forever => out.push(0),
            Life::Keep { must_exist } => {
                out.push(1);
                must_exist.put(out);
            }
            Life::For(millis) => {
                out.push(2);
                millis.put(out);
            }
            Life::Until(wall) => {
                out.push(3);
                wall.put(out);
            }
            Life::Lease(id) => {
                out.push(4);
                id.put(out);
            }
        }
    }

    fn take(input: &mut Reader) -> Result<Life, DecodeError> {
        match input.byte()? {
            0 => Ok(Life::Forever),
            1 => Ok(Life::Keep {
                must_exist: Wire::take(input)?,
            }),
            2 => Ok(Life::For(Wire::take(input)?)),
            3 => Ok(Life::Until(Wire::take(input)?)),
            4 => Ok(Life::Lease(Wire::take(input)?)),
            tag => Err(DecodeError::UnknownTag { what: "Life", tag }),
        }
    }
}
