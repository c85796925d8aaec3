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

/// The length of a large reply, once it is encoded.
#[derive(Clone, Copy)]
struct Weight(usize);

/// The reply, marked if it is large.
pub fn weighed<M: Message>(message: M) -> Response<M> {
    let bytes = message.encoded_len();
    let mut response = Response::new(message);
    if bytes > LARGE_BYTES {
        response.extensions_mut().insert(Weight(bytes));
    }
    response
}

/// The reply, once `holds` has room for it. What was asked for is done either way.
pub async fn with_room(mut reply: Reply, holds: &mut Held) -> Reply {
    let Some(Weight(bytes)) = reply.extensions_mut().remove() else {
        return reply;
    };
    match room(holds, bytes).await {
        true => reply,
        false => reply::status(error::NO_ROOM_DONE.into()),
    }
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
        assert!(others.try_set(BUFFERS_BYTES_MAX));
        let small = with_room(reply(LARGE_BYTES / 2), &mut own).await;
        assert_eq!(reply::code(&small), tonic::Code::Ok);
        let refused = with_room(reply(2 * LARGE_BYTES), &mut own).await;
        assert_eq!(reply::code(&refused), tonic::Code::ResourceExhausted);
        assert_eq!(load.turned_down(), 1);
    }
}
