//! The reply to a range that is large: its keys are encoded piece by piece as the client takes
//! them, so that it takes eight bytes a key instead of several times its own length.
//!
//! The service gives a reply without keys and, beside it, what is to follow; the dispatcher puts
//! the body in place that makes the one message of both. What it says is byte for byte what would
//! be said at once.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use hyper::body::Frame;
use prost::Message;
use quorate_core::command::RangeOp;
use quorate_core::outcome::RangeResult;
use quorate_core::types::KeyValue;
use quorate_proto::etcdserverpb as pb;
use tonic::body::Body;
use tonic::{Response, Status};

use super::large_reply::{self, LARGE_BYTES};
use super::reply::{self, Reply};
use super::{convert, error};
use crate::listen::{Held, Share};

/// Of a whole reply, as etcd's (grpc-go: MaxSendMsgSize of 2 GiB - 1).
const REPLY_BYTES_MAX: usize = i32::MAX as usize;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Bytes of one piece.
const PIECE_BYTES: usize = 64 * 1024;

/// The field `kvs` of a range's reply.
const KVS_TAG: u32 = 2;

/// The keys of a reply.
#[derive(Clone)]
struct Keys {
    op: RangeOp,
    kvs: Vec<Arc<KeyValue>>,
    /// The message around them: before and behind.
    head: Bytes,
    tail: Bytes,
}

/// The reply to a range.
///
/// # Errors
/// If it is larger than a message of gRPC's may be.
pub fn response(
    op: RangeOp,
    result: RangeResult,
    header: Option<pb::ResponseHeader>,
) -> Result<Response<pb::RangeResponse>, Status> {
    let payload =
        |kv: &Arc<KeyValue>| kv.key.len() + if op.keys_only { 0 } else { kv.value.size() };
    let is_large =
        result.kvs.len() > 1 && result.kvs.iter().map(payload).sum::<usize>() > LARGE_BYTES;
    if !is_large {
        let mut whole = convert::range_response(&op, &result);
        whole.header = header;
        return Ok(large_reply::weighed(whole));
    }
    let mut response = Response::new(pb::RangeResponse::default());
    response
        .extensions_mut()
        .insert(Keys::new(op, result, header)?);
    Ok(response)
}

/// The reply, or, if keys are to follow, one that sends them.
pub async fn streamed(mut reply: Reply, share: &Share) -> Reply {
    let Some(keys) = reply.extensions_mut().remove::<Keys>() else {
        return reply;
    };
    let list_bytes = size_of_val(keys.kvs.as_slice());
    let mut held = share.hold();
    match large_reply::room(&mut held, list_bytes).await {
        true => reply.map(|_| Body::new(Pieces::new(keys, held))),
        false => reply::status(error::NO_ROOM.into()),
    }
}

impl Keys {
    fn new(
        op: RangeOp,
        result: RangeResult,
        header: Option<pb::ResponseHeader>,
    ) -> Result<Keys, Status> {
        let around = |count: u64, more, header| pb::RangeResponse {
            header,
            more,
            count: i64::try_from(count).unwrap_or(i64::MAX),
            kvs: Vec::new(),
        };
        let head = around(0, false, header).encode_to_vec();
        let tail = around(result.count, result.more, None).encode_to_vec();
        let kvs = result.kvs.iter();
        let kvs: usize = kvs
            .map(|kv| field_len(convert::shown(&op, kv).encoded_len()))
            .sum();
        let bytes = head.len() + kvs + tail.len();
        let length = u32::try_from(bytes)
            .ok()
            .filter(|_| bytes <= REPLY_BYTES_MAX);
        let length = length.ok_or_else(|| error::reply_too_large(bytes, REPLY_BYTES_MAX))?;
        // Not compressed, so long.
        let mut framed = BytesMut::new();
        framed.put_u8(0);
        framed.put_u32(length);
        framed.extend_from_slice(&head);
        Ok(Keys {
            op,
            kvs: result.kvs,
            head: framed.freeze(),
            tail: tail.into(),
        })
    }
}

/// A message as a field: its tag, its length, itself.
fn field_len(len: usize) -> usize {
    prost::encoding::key_len(KVS_TAG) + prost::encoding::encoded_len_varint(len as u64) + len
}

/// The body: pieces, then trailers.
struct Pieces {
    op: RangeOp,
    kvs: std::vec::IntoIter<Arc<KeyValue>>,
    head: Bytes,
    tail: Option<Bytes>,
    has_trailers: bool,
    /// The list, until all of it was sent.
    _held: Held,
}

impl Pieces {
    fn new(keys: Keys, held: Held) -> Pieces {
        Pieces {
            op: keys.op,
            kvs: keys.kvs.into_iter(),
            head: keys.head,
            tail: Some(keys.tail),
            has_trailers: true,
            _held: held,
        }
    }

    /// None when all was given.
    fn next_piece(&mut self) -> Option<Bytes> {
        self.tail.as_ref()?;
        let mut piece = BytesMut::with_capacity(PIECE_BYTES);
        piece.extend_from_slice(&std::mem::take(&mut self.head));
        while piece.len() < PIECE_BYTES {
            let Some(kv) = self.kvs.next() else {
                piece.extend_from_slice(&self.tail.take().unwrap_or_default());
                break;
            };
            prost::encoding::message::encode(KVS_TAG, &convert::shown(&self.op, &kv), &mut piece);
        }
        Some(piece.freeze())
    }
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if let Some(piece) = this.next_piece() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        Poll::Ready(std::mem::take(&mut this.has_trailers).then(|| {
            let ok = HeaderValue::from_static("0");
            let trailers = HeaderMap::from_iter([(GRPC_STATUS, ok)]);
            Ok(Frame::trailers(trailers))
        }))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use quorate_core::types::Value;

    use super::*;
    use crate::listen::Load;

    fn result(keys: u32, value: Bytes) -> RangeResult {
        let kv = |number: u32| {
            Arc::new(KeyValue {
                key: format!("key{number:0>9}").into(),
                value: Value::Bytes(value.clone()),
                create_revision: i64::from(number) + 2,
                version: 1,
                ..KeyValue::default()
            })
        };
        RangeResult {
            kvs: (0..keys).map(kv).collect(),
            more: true,
            count: 1_000_000,
            revision: 7,
            ..RangeResult::default()
        }
    }

    fn op() -> RangeOp {
        convert::range_op(&pb::RangeRequest::default())
    }

    #[tokio::test]
    async fn piece_by_piece_is_what_would_be_said_at_once() {
        let (op, result) = (op(), result(50_000, Bytes::from(vec![b'x'; 100])));
        let header = Some(pb::ResponseHeader::default());
        let mut whole = convert::range_response(&op, &result);
        whole.header = header;
        let response = response(op, result, header).expect("not too large");
        assert!(response.get_ref().kvs.is_empty(), "large");
        let load = Arc::<Load>::default();
        let share = load.admit().expect("the first");
        let mut reply = http::Response::new(Body::default());
        *reply.extensions_mut() = response.extensions().clone();
        let body = streamed(reply, &share).await.into_body();
        assert!(load.bytes() >= 50_000 * 8, "its list is counted");
        let sent = body.collect().await.expect("a body");
        let trailers = sent.trailers().expect("trailers").clone();
        assert_eq!(trailers["grpc-status"], "0");
        let sent = sent.to_bytes();
        assert_eq!(
            sent[..5],
            [&[0][..], &(sent.len() as u32 - 5).to_be_bytes()].concat()
        );
        assert!(sent[5..] == whole.encode_to_vec());
        assert_eq!(load.bytes(), 0);
    }

    #[test]
    fn what_is_larger_than_a_message_may_be_is_refused() {
        let result = result(2_200, Bytes::from(vec![b'x'; 1_000_000]));
        let mut whole = convert::range_response(&op(), &result);
        whole.header = None;
        let status = response(op(), result, None).expect_err("above 2 GiB");
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        let said = format!(
            "trying to send message larger than max ({} vs. 2147483647); ask with a limit, or with \
             RangeStream",
            whole.encoded_len()
        );
        assert_eq!(status.message(), said);
    }
}
