//! Encoding of the shared nouns: times, ids, ranges, values and records.

use std::sync::Arc;

use super::wire::{DecodeError, Reader, Wire, put_bytes, put_unsigned, wire_struct};
use crate::types::{
    ClusterMillis, Deadline, Hash, KeyRange, KeyValue, LeaseId, Principal, Settings, Stamp,
    UnixMillis, Value, Version,
};

impl Wire for ClusterMillis {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn take(input: &mut Reader) -> Result<ClusterMillis, DecodeError> {
        Ok(ClusterMillis(u64::take(input)?))
    }
}

impl Wire for UnixMillis {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn take(input: &mut Reader) -> Result<UnixMillis, DecodeError> {
        Ok(UnixMillis(u64::take(input)?))
    }
}

impl Wire for LeaseId {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn take(input: &mut Reader) -> Result<LeaseId, DecodeError> {
        Ok(LeaseId(i64::take(input)?))
    }
}

impl Wire for Deadline {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Deadline::Clock(end) => {
                out.push(0);
                end.put(out);
            }
            Deadline::Wall(end) => {
                out.push(1);
                end.put(out);
            }
        }
    }

    fn take(input: &mut Reader) -> Result<Deadline, DecodeError> {
        match input.byte()? {
            0 => Ok(Deadline::Clock(Wire::take(input)?)),
            1 => Ok(Deadline::Wall(Wire::take(input)?)),
            tag => Err(DecodeError::UnknownTag {
                what: "Deadline",
                tag,
            }),
        }
    }
}

wire_struct!(Stamp { term, clock, wall });
wire_struct!(Principal {
    user,
    auth_revision
});
wire_struct!(Version { main, sub });
wire_struct!(Settings {
    key_prefix,
    forgetful
});

impl Wire for KeyRange {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            KeyRange::Key(key) => {
                out.push(0);
                key.put(out);
            }
            KeyRange::Span(start, end) => {
                out.push(1);
                start.put(out);
                end.put(out);
            }
            KeyRange::From(start) => {
                out.push(2);
                start.put(out);
            }
        }
    }

    fn take(input: &mut Reader) -> Result<KeyRange, DecodeError> {
        match input.byte()? {
            0 => Ok(KeyRange::Key(input.bytes()?)),
            1 => Ok(KeyRange::Span(input.bytes()?, input.bytes()?)),
            2 => Ok(KeyRange::From(input.bytes()?)),
            tag => Err(DecodeError::UnknownTag {
                what: "KeyRange",
                tag,
            }),
        }
    }
}

impl Wire for Value {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Value::Bytes(bytes) => {
                out.push(0);
                bytes.put(out);
            }
            Value::Hash(hash) => {
                out.push(1);
                hash.put(out);
            }
        }
    }

    fn take(input: &mut Reader) -> Result<Value, DecodeError> {
        match input.byte()? {
            0 => Ok(Value::Bytes(input.bytes()?)),
            1 => Ok(Value::Hash(Arc::take(input)?)),
            tag => Err(DecodeError::UnknownTag { what: "Value", tag }),
        }
    }
}

/// As a list of (field, value), fields ascending.
impl Wire for Arc<Hash> {
    fn put(&self, out: &mut Vec<u8>) {
        put_unsigned(self.len() as u64, out);
        for (field, value) in self.iter() {
            put_bytes(field, out);
            put_bytes(value, out);
        }
    }

    fn take(input: &mut Reader) -> Result<Arc<Hash>, DecodeError> {
        let fields = Vec::take(input)?;
        if !fields.is_sorted_by(|(a, _): &(bytes::Bytes, bytes::Bytes), (b, _)| a < b) {
            return Err(DecodeError::Unordered);
        }
        Ok(Arc::new(fields.into_iter().collect()))
    }
}

wire_struct!(KeyValue {
    key,
    value,
    create_revision,
    modified,
    version,
    lease,
    deadline,
    ttl_ms,
    life_generation,
});

impl Wire for Arc<KeyValue> {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_ref().put(out);
    }

    fn take(input: &mut Reader) -> Result<Arc<KeyValue>, DecodeError> {
        Ok(Arc::new(KeyValue::take(input)?))
    }
}
