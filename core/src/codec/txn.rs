//! Encoding of txns and their guards.

use super::wire::{DecodeError, Reader, Wire, wire_enum, wire_struct};
use crate::command::{Guard, Relation, Test, Txn};

impl Wire for Txn {
    fn put(&self, out: &mut Vec<u8>) {
        self.guards.put(out);
        self.then.put(out);
        self.otherwise.put(out);
    }

    fn take(input: &mut Reader) -> Result<Txn, DecodeError> {
        input.nested(|input| {
            Ok(Txn {
                guards: Wire::take(input)?,
                then: Wire::take(input)?,
                otherwise: Wire::take(input)?,
            })
        })
    }
}

wire_enum!(Relation { Equal = 0, NotEqual = 1, Greater = 2, Less = 3 });
wire_struct!(Guard { range, test });

impl Wire for Test {
    fn put(&self, out: &mut Vec<u8>) {
        let mut relation = |tag: u8, relation: &Relation, operand: &dyn Fn(&mut Vec<u8>)| {
            out.push(tag);
            relation.put(out);
            operand(out);
        };
        match self {
            Test::Version(r, n) => relation(0, r, &|out| n.put(out)),
            Test::CreateRevision(r, n) => relation(1, r, &|out| n.put(out)),
            Test::ModRevision(r, n) => relation(2, r, &|out| n.put(out)),
            Test::Lease(r, id) => relation(3, r, &|out| id.put(out)),
            Test::Value(r, value) => relation(4, r, &|out| value.put(out)),
            Test::LifeGeneration(generation) => {
                out.push(5);
                generation.put(out);
            }
            Test::Unchanged { count, newest } => {
                out.push(6);
                count.put(out);
                newest.put(out);
            }
            Test::WallBefore(point) => {
                out.push(7);
                point.put(out);
            }
            Test::SameNames { count, newest } => {
                out.push(8);
                count.put(out);
                newest.put(out);
            }
            Test::LivesUnchanged(generation) => {
                out.push(9);
                generation.put(out);
            }
            Test::Script { sha1, kept } => {
                out.push(10);
                sha1.put(out);
                kept.put(out);
            }
        }
    }

    fn take(input: &mut Reader) -> Result<Test, DecodeError> {
        match input.byte()? {
            0 => Ok(Test::Version(Wire::take(input)?, Wire::take(input)?)),
            1 => Ok(Test::CreateRevision(Wire::take(input)?, Wire::take(input)?)),
            2 => Ok(Test::ModRevision(Wire::take(input)?, Wire::take(input)?)),
            3 => Ok(Test::Lease(Wire::take(input)?, Wire::take(input)?)),
            4 => Ok(Test::Value(Wire::take(input)?, Wire::take(input)?)),
            5 => Ok(Test::LifeGeneration(Wire::take(input)?)),
            6 => Ok(Test::Unchanged {
                count: Wire::take(input)?,
                newest: Wire::take(input)?,
            }),
            7 => Ok(Test::WallBefore(Wire::take(input)?)),
            8 => Ok(Test::SameNames {
                count: Wire::take(input)?,
                newest: Wire::take(input)?,
            }),
            9 => Ok(Test::LivesUnchanged(Wire::take(input)?)),
            10 => Ok(Test::Script {
                sha1: Wire::take(input)?,
                kept: Wire::take(input)?,
            }),
            tag => Err(DecodeError::UnknownTag { what: "Test", tag }),
        }
    }
}
