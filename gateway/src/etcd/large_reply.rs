//! Replies that are encoded as one piece and large: a txn's, a deletion's with what was deleted.
//! Each waits until there is room for it before it is encoded.

use prost::Message;
use tonic::Response;

use super::error;
use super::large_range::LARGE_BYTES;
use super::reply::{self, Reply};
use crate::listen::{BUFFERS_BYTES_MAX, Held, ROOM_TIME_MAX, Share};

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

/// The reply and what it holds until it is encoded, once there is room for it. What was asked for
/// is done either way.
pub async fn with_room(mut reply: Reply, share: &Share) -> (Reply, Held) {
    let Some(Weight(bytes)) = reply.extensions_mut().remove() else {
        return (reply, share.hold());
    };
    match room(share, bytes).await {
        Some(held) => (reply, held),
        None => (reply::status(error::NO_ROOM_DONE.into()), share.hold()),
    }
}

/// Room for so many bytes, if there is some within the time that large things wait.
pub async fn room(share: &Share, bytes: usize) -> Option<Held> {
    let mut held = share.hold();
    let waiting = held.wait_for(bytes.min(ROOM_BYTES_MAX));
    if tokio::time::timeout(ROOM_TIME_MAX, waiting).await.is_err() {
        held.turn_down();
        return None;
    }
    Some(held)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use quorate_proto::etcdserverpb as pb;
    use tonic::body::Body;

    use super::*;
    use crate::listen::Load;

    /// A txn's reply with so many bytes of one key.
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
        let share = || load.admit().expect("a few connections");
        let (own, mut all) = (share(), share().hold());
        let (_, held) = with_room(reply(2 * LARGE_BYTES), &own).await;
        assert!(load.bytes() > 2 * LARGE_BYTES, "room is kept for it");
        drop(held);
        assert!(all.try_set(BUFFERS_BYTES_MAX));
        let (small, _) = with_room(reply(LARGE_BYTES / 2), &own).await;
        assert_eq!(reply::code(&small), tonic::Code::Ok);
        let (refused, _) = with_room(reply(2 * LARGE_BYTES), &own).await;
        assert_eq!(reply::code(&refused), tonic::Code::ResourceExhausted);
        assert_eq!(load.turned_down(), 1);
    }
}
