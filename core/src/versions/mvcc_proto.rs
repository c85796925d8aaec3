//! etcd's stored form of a version, for hashes that must equal etcd's: the bucket key of
//! `server/storage/mvcc/revision.go` and `mvccpb.KeyValue` as gogo-proto marshals it (fields in
//! order, defaults left out).

use crate::codec::{FORMAT, Wire, put_unsigned};
use crate::types::{KeyValue, Value};

/// `be64 main '_' be64 sub`, and `t` for a tombstone.
pub(super) fn put_bucket_key(kv: &KeyValue, out: &mut Vec<u8>) {
    out.extend_from_slice(&kv.modified.main.to_be_bytes());
    out.push(b'_');
    out.extend_from_slice(&u64::from(kv.modified.sub).to_be_bytes());
    if kv.is_tombstone() {
        out.push(b't');
    }
}

/// The message; of a tombstone just the key.
pub(super) fn put_key_value(kv: &KeyValue, out: &mut Vec<u8>) {
    put_bytes(1, &kv.key, out);
    if kv.is_tombstone() {
        return;
    }
    put_varint(2, kv.create_revision, out);
    put_varint(3, kv.modified.main, out);
    put_varint(4, kv.version, out);
    match &kv.value {
        Value::Bytes(bytes) => put_bytes(5, bytes, out),
        // No etcd has such a value: our own encoding is as good as any, alike on all members.
        typed => {
            let mut encoded = vec![FORMAT];
            typed.put(&mut encoded);
            put_bytes(5, &encoded, out);
        }
    }
    put_varint(6, kv.lease.0, out);
}

fn put_varint(field: u8, value: i64, out: &mut Vec<u8>) {
    if value != 0 {
        out.push(field << 3);
        put_unsigned(value as u64, out);
    }
}

fn put_bytes(field: u8, bytes: &[u8], out: &mut Vec<u8>) {
    if !bytes.is_empty() {
        out.push(field << 3 | 2);
        put_unsigned(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    }
}
