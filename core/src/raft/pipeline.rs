//! Appends to one follower: on the wire in the order in which they come, many without an answer.
//!
//! openraft takes an answer for one to every append that ends no later, and the last of them for
//! fresh proof of leadership. So the answer to an old append would prove what only the answer to a
//! young one can, an empty one that tells of a commit: a leader that was deposed meanwhile could
//! serve stale reads. Therefore an answer is kept back while a younger append that ends no later
//! has none: that one's speaks for both.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use openraft::errors::RPCError;
use openraft::raft::{AppendEntriesRequest, StreamAppendResult};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::log_store::APPEND_BYTES_MAX;
use super::types::{LogId, TypeConfig};
use super::wire;
use crate::limits::ENTRY_BYTES_MAX;

/// Appends under way on one connection, and their bytes: a new one waits while there are more.
const UNDER_WAY_MAX: usize = 64;
const BYTES_UNDER_WAY_MAX: usize = 8 << 20;

const _: () = assert!(
    BYTES_UNDER_WAY_MAX > APPEND_BYTES_MAX + ENTRY_BYTES_MAX,
    "one is on its way while the next is made"
);

type Answer = Result<StreamAppendResult<TypeConfig>, RPCError<TypeConfig>>;

/// The last entry that a follower has once it has taken the request.
pub(super) fn end(request: &AppendEntriesRequest<TypeConfig>) -> Option<LogId> {
    let last = request.entries.last().map(|entry| entry.log_id);
    last.or(request.prev_log_id)
}

pub(super) fn encode(request: &AppendEntriesRequest<TypeConfig>) -> Bytes {
    let mut out = Vec::with_capacity(256);
    wire::put_append(&mut out, request);
    out.into()
}

/// Starts each request as it comes, once there is room for its bytes; gives the answers, in order.
pub(super) fn pipelined<F>(
    requests: impl Stream<Item = AppendEntriesRequest<TypeConfig>>,
    mut start: impl FnMut(Bytes) -> F,
) -> impl Stream<Item = Answer>
where
    F: Future<Output = Answer>,
{
    let unanswered = Arc::new(Mutex::new(VecDeque::new()));
    let ends = unanswered.clone();
    let room = Arc::new(Semaphore::new(BYTES_UNDER_WAY_MAX));
    // `then` and `map` run in order as requests arrive, so they are on the wire in order; only the
    // waiting for answers overlaps.
    let encoded = requests.then(move |request| {
        let (end, bytes) = (end(&request), encode(&request));
        let taken = bytes.len().min(BYTES_UNDER_WAY_MAX) as u32;
        let taken = room.clone().acquire_many_owned(taken);
        async move { (end, bytes, taken.await) }
    });
    let answers = encoded.map(move |(end, bytes, taken)| {
        ends.lock().push_back(end);
        let answer = start(bytes);
        async move {
            let answer = answer.await;
            drop(taken);
            answer
        }
    });
    answers.buffered(UNDER_WAY_MAX).filter_map(move |answer| {
        let mut ends = unanswered.lock();
        ends.pop_front();
        let is_covered = matches!(
            (&answer, ends.front()),
            (Ok(Ok(matched)), Some(younger)) if younger <= matched
        );
        std::future::ready((!is_covered).then_some(answer))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use futures_util::FutureExt;
    use openraft::{EntryPayload, Membership};
    use tokio::sync::oneshot;

    use super::super::types::{Peer, RaftEntry, Vote};
    use super::super::wire::log_id;
    use super::*;

    fn request(prev: u64, entries: std::ops::Range<u64>) -> AppendEntriesRequest<TypeConfig> {
        let entry = |index| RaftEntry {
            log_id: log_id(1, index),
            payload: EntryPayload::Blank,
        };
        AppendEntriesRequest {
            vote: Vote::new(1, 1),
            prev_log_id: Some(log_id(1, prev)),
            entries: entries.map(entry).collect(),
            leader_commit: None,
        }
    }

    /// The name of a member is all that makes this entry long.
    fn large(index: u64) -> RaftEntry {
        let peer = Peer {
            name: "x".repeat(10_000),
            peer_urls: Vec::new(),
        };
        let nodes = BTreeMap::from([(1, peer)]);
        let membership = Membership::new(vec![BTreeSet::from([1])], nodes).expect("valid");
        RaftEntry {
            log_id: log_id(1, index),
            payload: EntryPayload::Membership(membership),
        }
    }

    #[tokio::test]
    async fn bytes_under_way_have_a_bound() {
        let data = || {
            let mut request = request(3, 4..5);
            request.prev_log_id = Some(log_id(1, 3));
            request.entries = (4..40).map(large).collect();
            request
        };
        let bytes = encode(&data()).len();
        let started = Mutex::new(0);
        let start = |_: Bytes| {
            *started.lock() += 1;
            std::future::pending::<Answer>()
        };
        let requests = futures_util::stream::iter(std::iter::repeat_with(data).take(1_000));
        let answers = pipelined(requests, start);
        assert!(std::pin::pin!(answers).next().now_or_never().is_none());
        assert_eq!(*started.lock(), BYTES_UNDER_WAY_MAX / bytes);
    }

    #[tokio::test]
    async fn an_old_answer_proves_nothing_about_a_younger_empty_append() {
        let requests = [
            request(3, 4..6),
            request(5, 6..8),
            request(7, 0..0),
            request(7, 8..9),
        ];
        let (mut senders, mut receivers): (VecDeque<_>, VecDeque<_>) = requests
            .iter()
            .map(|_| oneshot::channel::<Answer>())
            .unzip();
        let start = |_: Bytes| {
            let receiver = receivers.pop_front().expect("one each");
            receiver.map(|answer| answer.expect("it is answered"))
        };
        let answers = pipelined(futures_util::stream::iter(requests), start);
        let mut answers = std::pin::pin!(answers);
        let mut answer = |index| {
            let sender = senders.pop_front().expect("one each");
            sender
                .send(Ok(Ok(Some(log_id(1, index)))))
                .expect("awaited");
        };
        let mut next = || {
            let next = answers.next().now_or_never();
            next.map(|answer| answer.expect("more").expect("no error").expect("taken"))
        };
        assert_eq!(next(), None);
        answer(5);
        assert_eq!(next(), Some(Some(log_id(1, 5))));
        answer(7);
        assert_eq!(
            next(),
            None,
            "the empty one ends there, too, and has no answer"
        );
        answer(7);
        assert_eq!(next(), Some(Some(log_id(1, 7))));
        answer(8);
        assert_eq!(next(), Some(Some(log_id(1, 8))));
    }
}
