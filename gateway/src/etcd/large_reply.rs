//! Replies that are encoded as one piece and large: a txn's, a deletion's with what was deleted.
//! Each waits until there is room for it before it is encoded.

use prost::Message;
use quorate_core::limits::REQUEST_BYTES_MAX;
use tonic::Response;

use super::error;
use super::reply::{self, Reply};
use crate::listen::{BUFFERS_BYTES_MAX, Held, ROOM_TIME_MAX};

/// Above it a reply is large.
pub const LARGE_BYTES: usize = 2 * REQUEST_BYTES_MAX;

/// What a reply waits for; one that could never be held counts as one that can.
const ROOM_BYTES_MAX: usize = BUFFERS_BYTES_MAX / 2;

/// Bytes of one piece of a reply whose length is not known, as of a stream.
const PIECE_BYTES: usize = 64 * 1024;

/// The length of a reply, once it is encoded.
#[derive(Clone, Copy)]
struct Weight(usize);

/// The reply, marked with its length.
pub fn weighed<M: Message>(message: M) -> Response<M> {
    let weight = Weight(message.encoded_len());
    let mut response = Response::new(message);
    response.extensions_mut().insert(weight);
    response
}

/// The reply, once `holds` has room for it if it is large. What was asked for is done either way.
pub async fn with_room(reply: Reply, holds: &mut Held) -> Reply {
    match weight(&reply) {
        Some(bytes) if bytes > LARGE_BYTES && !room(holds, bytes).await => {
            reply::status(error::NO_ROOM_DONE.into())
        }
        _ => reply,
    }
}

/// The room that there must be before a piece of the reply is encoded.
pub fn piece_bytes(reply: &Reply) -> usize {
    weight(reply).unwrap_or(PIECE_BYTES)
}

fn weight(reply: &Reply) -> Option<usize> {
    reply.extensions().get::<Weight>().map(|weight| weight.0)
}

/// Whether there was room for so many bytes within the time that large things wait; they are
/// counted then.
pub async fn room(held: &mut Held, bytes: usize) -> bool {
    let waiting = held.wait_for(bytes.min(ROOM_BYTES_MAX));
    let has_room = tokio::time::timeout(ROOM_TIME_MAX, waiting).await.is_ok();
    if !has_room {
        held.turn_down();
    }
    has_room
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use quorate_proto::etcdserverpb as pb;
    use tonic::body::Body;

    use super::*;
    use crate::listen::Load;

    /// A reply with so many bytes of one key.
    fn reply(bytes: usize) -> Reply {
        let kv = quorate_proto::mvccpb::KeyValue {
            value: vec![b'x'; bytes].into(),
            ..Default::default()
        };
        let response = weighed(pb::RangeResponse {
            kvs: vec![kv],
            ..Default::default()
        });
        let mut reply = http::Response::new(Body::default());
        *reply.extensions_mut() = response.extensions().clone();
        reply
    }

    #[tokio::test]
    async fn a_large_reply_waits_for_room_and_a_small_one_does_not() {
        let load = Arc::<Load>::default();
        let hold = || load.admit().expect("a few connections").hold();
        let (mut own, mut others) = (hold(), hold());
        with_room(reply(2 * LARGE_BYTES), &mut own).await;
        assert!(load.bytes() > 2 * LARGE_BYTES, "room is kept for it");
        own.set(0);
        others.set(BUFFERS_BYTES_MAX);
        let small = with_room(reply(LARGE_BYTES / 2), &mut own).await;
        assert_eq!(reply::code(&small), tonic::Code::Ok);
        let refused = with_room(reply(2 * LARGE_BYTES), &mut own).await;
        assert_eq!(reply::code(&refused), tonic::Code::ResourceExhausted);
        assert_eq!(load.turned_down(), 1);
    }
}
