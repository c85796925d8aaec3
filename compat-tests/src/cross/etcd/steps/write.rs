//! Puts and deletes, right and wrong, and requests near the limits of size.

use bytes::Bytes;
use prost::Message;
use quorate_proto::etcdserverpb as pb;

use super::draw::Draw;
use super::step::Step;
use crate::cross::etcd::context::STREAMS;
use crate::cross::etcd::wire::Call;

/// Just above `--max-request-bytes`, 1.5 MiB; and above what a message may have at all.
const TOO_LARGE: usize = 1_600_000;
const MESSAGE_TOO_LARGE: usize = 2_200_000;
/// Values of a txn whose events, with previous values, are more than one response may have.
const LARGE_VALUES: usize = 10;
const LARGE_VALUE: usize = 150_000;
/// Their keys begin with this.
pub const LARGE_PREFIX: &str = "large/";

impl Draw {
    pub fn put_request(&mut self) -> pb::PutRequest {
        let mut request = pb::PutRequest {
            key: self.key(),
            value: self.value(),
            prev_kv: self.one_in(3),
            ..Default::default()
        };
        if self.one_in(3) {
            request.lease = self.lease();
        }
        if self.one_in(if self.is_tame { 40 } else { 6 }) {
            request.ignore_value = true;
            if self.is_tame || !self.one_in(6) {
                request.value = Bytes::new();
            }
        }
        if self.one_in(if self.is_tame { 40 } else { 6 }) {
            request.ignore_lease = true;
            if self.is_tame || !self.one_in(6) {
                request.lease = 0;
            }
        }
        request
    }

    pub fn delete_request(&mut self) -> pb::DeleteRangeRequest {
        let (mut key, mut range_end) = self.range();
        // Else nothing would be there for long.
        if range_end.as_ref() == b"\0" && !self.one_in(4) {
            (key, range_end) = (self.key(), Bytes::new());
        }
        pb::DeleteRangeRequest {
            key,
            range_end,
            prev_kv: self.one_in(2),
        }
    }

    /// Requests that are too large, or carry what is not known or not readable.
    pub fn odd_put(&mut self) -> Step {
        let mut request = pb::PutRequest {
            key: self.key(),
            value: self.value(),
            ..Default::default()
        };
        match self.up_to(5) {
            0 => request.value = vec![b'x'; TOO_LARGE].into(),
            1 => request.value = vec![b'x'; MESSAGE_TOO_LARGE].into(),
            2 => request.key = vec![b'k'; TOO_LARGE].into(),
            3 => request.key = vec![b'k'; 5_000].into(),
            _ => {}
        }
        let mut bytes = request.encode_to_vec();
        // Field 99 as a varint.
        bytes.extend([0x98, 0x06, 0x01]);
        Step::Call(Call::of_bytes("KV/Put", bytes))
    }

    /// Many large values at once, written twice under a watcher.
    pub fn large_events(&mut self) -> Step {
        Step::LargeEvents {
            stream: self.up_to(STREAMS - 1),
            first: large_txn(b'a'),
            second: large_txn(b'b'),
        }
    }
}

fn large_txn(letter: u8) -> Call {
    let put = |number: usize| pb::PutRequest {
        key: format!("{LARGE_PREFIX}{number}").into(),
        value: vec![letter; LARGE_VALUE].into(),
        ..Default::default()
    };
    let operation = |number: usize| pb::request_op::Request::RequestPut(put(number)).into();
    let request = pb::TxnRequest {
        success: (0..LARGE_VALUES).map(operation).collect(),
        ..Default::default()
    };
    Call::new("KV/Txn", &request)
}
