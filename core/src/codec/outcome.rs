//! Encoding of replies: outcomes and refusals.

use super::wire::{DecodeError, Reader, Wire, wire_enum, wire_struct};
use crate::outcome::{
    Applied, DataResult, OpResult, Outcome, RangeResult, Refusal, Reply, TxnOutcome,
};

wire_struct!(Reply {
    term,
    index,
    applied
});
wire_struct!(Applied { revision, outcome });

impl Wire for Result<Outcome, Refusal> {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Ok(outcome) => {
                out.push(0);
                outcome.put(out);
            }
            Err(refusal) => {
                out.push(1);
                refusal.put(out);
            }
        }
    }

    fn take(input: &mut Reader) -> Result<Self, DecodeError> {
        match input.byte()? {
            0 => Ok(Ok(Outcome::take(input)?)),
            1 => Ok(Err(Refusal::take(input)?)),
            tag => Err(DecodeError::UnknownTag {
                what: "Result",
                tag,
            }),
        }
    }
}

impl Wire for Outcome {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Outcome::Txn(txn) => {
                out.push(0);
                txn.put(out);
            }
            Outcome::LeaseGranted { id, ttl_ms } => {
                out.push(1);
                id.put(out);
                ttl_ms.put(out);
            }
            Outcome::LeaseRevoked => out.push(2),
            Outcome::LeaseRenewed(ttls) => {
                out.push(3);
                ttls.put(out);
            }
            Outcome::Compacted => out.push(4),
            Outcome::Alarms(alarms) => {
                out.push(5);
                alarms.put(out);
            }
            Outcome::Done => out.push(6),
        }
    }

    fn take(input: &mut Reader) -> Result<Outcome, DecodeError> {
        match input.byte()? {
            0 => Ok(Outcome::Txn(Wire::take(input)?)),
            1 => Ok(Outcome::LeaseGranted {
                id: Wire::take(input)?,
                ttl_ms: Wire::take(input)?,
            }),
            2 => Ok(Outcome::LeaseRevoked),
            3 => Ok(Outcome::LeaseRenewed(Wire::take(input)?)),
            4 => Ok(Outcome::Compacted),
            5 => Ok(Outcome::Alarms(Wire::take(input)?)),
            6 => Ok(Outcome::Done),
            tag => Err(DecodeError::UnknownTag {
                what: "Outcome",
                tag,
            }),
        }
    }
}

impl Wire for TxnOutcome {
    fn put(&self, out: &mut Vec<u8>) {
        self.succeeded.put(out);
        self.results.put(out);
        self.changed.put(out);
    }

    fn take(input: &mut Reader) -> Result<TxnOutcome, DecodeError> {
        input.nested(|input| {
            Ok(TxnOutcome {
                succeeded: Wire::take(input)?,
                results: Wire::take(input)?,
                changed: Wire::take(input)?,
            })
        })
    }
}

impl Wire for OpResult {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            OpResult::Range(range) => {
                out.push(0);
                range.put(out);
            }
            OpResult::Put { prev, revision } => {
                out.push(1);
                prev.put(out);
                revision.put(out);
            }
            OpResult::Delete {
                deleted,
                prev,
                revision,
            } => {
                out.push(2);
                deleted.put(out);
                prev.put(out);
                revision.put(out);
            }
            OpResult::SetLife(changed) => {
                out.push(3);
                changed.put(out);
            }
            OpResult::Data(data) => {
                out.push(4);
                data.put(out);
            }
            OpResult::Published => out.push(5),
            OpResult::Txn(txn) => {
                out.push(6);
                txn.put(out);
            }
            OpResult::Failed(refusal) => {
                out.push(7);
                refusal.put(out);
            }
        }
    }

    fn take(input: &mut Reader) -> Result<OpResult, DecodeError> {
        match input.byte()? {
            0 => Ok(OpResult::Range(Wire::take(input)?)),
            1 => Ok(OpResult::Put {
                prev: Wire::take(input)?,
                revision: Wire::take(input)?,
            }),
            2 => Ok(OpResult::Delete {
                deleted: Wire::take(input)?,
                prev: Wire::take(input)?,
                revision: Wire::take(input)?,
            }),
            3 => Ok(OpResult::SetLife(Wire::take(input)?)),
            4 => Ok(OpResult::Data(Wire::take(input)?)),
            5 => Ok(OpResult::Published),
            6 => Ok(OpResult::Txn(Wire::take(input)?)),
            7 => Ok(OpResult::Failed(Wire::take(input)?)),
            tag => Err(DecodeError::UnknownTag {
                what: "OpResult",
                tag,
            }),
        }
    }
}

wire_struct!(RangeResult {
    kvs,
    more,
    count,
    revision
});

impl Wire for DataResult {
    fn put(&self, out: &mut Vec<u8>) {
        let DataResult::Integer(number) = self;
        out.push(0);
        number.put(out);
    }

    fn take(input: &mut Reader) -> Result<DataResult, DecodeError> {
        match input.byte()? {
            0 => Ok(DataResult::Integer(Wire::take(input)?)),
            tag => Err(DecodeError::UnknownTag {
                what: "DataResult",
                tag,
            }),
        }
    }
}

wire_enum!(Refusal {
    Compacted = 0,
    FutureRevision = 1,
    KeyNotFound = 2,
    LeaseNotFound = 3,
    LeaseExists = 4,
    NoSpace = 5,
    WrongType = 6,
    NotAnInteger = 7,
    HashNotAnInteger = 8,
    Overflow = 9,
    TooLarge = 10,
    PermissionDenied = 11,
    AuthOld = 12,
    HistoryUnreadable = 13,
    Corrupt = 14,
    AnswerTooLarge = 15,
});
