//! RangeStream: a range in chunks of one revision.
//!
//! The first chunk pins the revision and has ten keys; the next ones are doubled or halved to
//! come near the largest request. Header, `more` and `count` stand on the last chunk only. A
//! compaction on the way ends the stream with etcd's error; so does a write to a key without
//! history, whose like the stream has begun to show.

use std::pin::Pin;

use futures_util::{Stream, stream};
use prost::Message;
use quorate_core::command::RangeOp;
use quorate_core::types::{KeyRange, Revision, Term};
use quorate_proto::etcdserverpb as pb;
use tonic::Status;

use super::shared::Shared;
use super::{convert, error};

pub type RangeStream =
    Pin<Box<dyn Stream<Item = Result<pb::RangeStreamResponse, Status>> + Send + 'static>>;

const FIRST_CHUNK_KEYS: u64 = 10;

/// Where a stream stands between two chunks.
struct Cursor {
    shared: Shared,
    term: Term,
    op: RangeOp,
    /// Asked for what is now, so also for keys without history.
    is_of_now: bool,
    /// Keys still wanted; `u64::MAX` without a limit.
    left: u64,
    sent: u64,
    /// The store's revision when the stream began.
    pinned: Option<Revision>,
    is_done: bool,
}

pub fn stream(shared: Shared, request: &pb::RangeRequest, term: Term) -> RangeStream {
    let mut op = convert::range_op(request);
    let left = if op.limit == 0 { u64::MAX } else { op.limit };
    op.limit = if op.count_only {
        0
    } else {
        left.min(FIRST_CHUNK_KEYS)
    };
    let cursor = Cursor {
        shared,
        term,
        is_of_now: op.revision <= 0,
        op,
        left,
        sent: 0,
        pinned: None,
        is_done: false,
    };
    Box::pin(stream::try_unfold(cursor, |mut cursor| async move {
        if cursor.is_done {
            return Ok(None);
        }
        let chunk = cursor.next_chunk().await?;
        let response = pb::RangeStreamResponse {
            range_response: Some(chunk),
        };
        Ok(Some((response, cursor)))
    }))
}

impl Cursor {
    async fn next_chunk(&mut self) -> Result<pb::RangeResponse, Status> {
        let result = self.read(&self.op).await?;
        let pinned = *self.pinned.get_or_insert(result.revision);
        if self.op.revision <= 0 {
            self.op.revision = pinned;
        }
        let mut chunk = convert::range_response(&self.op, &result);
        chunk.header = None;
        if self.op.count_only {
            return Ok(self.last(chunk, result.count));
        }
        let read = result.kvs.len() as u64;
        self.sent += read;
        self.left = self.left.saturating_sub(read);
        let next = result.kvs.last().map(|kv| successor(&kv.key));
        if let Some(next) = next.filter(|_| result.more) {
            self.op.range = from(&self.op.range, next);
            if self.left > 0 {
                self.adjust(chunk.encoded_len());
                (chunk.more, chunk.count) = (false, 0);
                return Ok(chunk);
            }
            let rest = RangeOp {
                count_only: true,
                limit: 0,
                ..self.op.clone()
            };
            self.sent += self.read(&rest).await?.count;
        }
        let count = self.sent;
        Ok(self.last(chunk, count))
    }

    async fn read(&self, op: &RangeOp) -> Result<quorate_core::outcome::RangeResult, Status> {
        let result = self.shared.node.range(op).await;
        let result = result
            .map_err(|error| error::unanswered(error, false))?
            .map_err(error::refused)?;
        match result.is_partial && self.is_of_now {
            true => Err(error::COMPACTED.into()),
            false => Ok(result),
        }
    }

    fn last(&mut self, mut chunk: pb::RangeResponse, count: u64) -> pb::RangeResponse {
        self.is_done = true;
        chunk.header = self
            .shared
            .header(self.pinned.unwrap_or_default(), self.term);
        chunk.count = i64::try_from(count).unwrap_or(i64::MAX);
        chunk
    }

    fn adjust(&mut self, chunk_bytes: usize) {
        let target = self.shared.options.request_bytes_max;
        self.op.limit = chunk_keys(self.op.limit, chunk_bytes, target).min(self.left);
    }
}

/// Keys of the next chunk: twice as many after a chunk below half of the target, half as many
/// after one above twice of it.
fn chunk_keys(keys: u64, chunk_bytes: usize, target_bytes: usize) -> u64 {
    if chunk_bytes < target_bytes / 2 {
        keys.saturating_mul(2)
    } else if chunk_bytes > target_bytes * 2 {
        (keys / 2).max(1)
    } else {
        keys
    }
}

/// The least key after `key`.
fn successor(key: &[u8]) -> bytes::Bytes {
    [key, b"\0"].concat().into()
}

fn from(range: &KeyRange, start: bytes::Bytes) -> KeyRange {
    match range {
        KeyRange::Span(_, end) => KeyRange::Span(start, end.clone()),
        KeyRange::Key(_) | KeyRange::From(_) => KeyRange::From(start),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_grow_and_shrink_towards_the_target() {
        assert_eq!(chunk_keys(10, 100, 1000), 20);
        assert_eq!(chunk_keys(10, 500, 1000), 10);
        assert_eq!(chunk_keys(10, 2001, 1000), 5);
        assert_eq!(chunk_keys(1, 2001, 1000), 1);
    }

    #[test]
    fn the_next_chunk_starts_right_after_the_last_key() {
        let range = KeyRange::Span("a".into(), "c".into());
        assert_eq!(
            from(&range, successor(b"b")),
            KeyRange::Span("b\0".into(), "c".into())
        );
    }
}
