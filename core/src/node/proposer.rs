//! Puts waiting proposals into the log: many commands to one entry, a few entries under way at
//! once. On a follower the batch goes to the leader instead.
//!
//! What happens to a batch has three ends: answered; certainly not proposed (it goes back to the
//! queue and meets the next leader, or its deadline); or unknown, which is said and never retried.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::errors::ClientWriteError;
use openraft::raft::ClientWriteResult;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Core;
use super::inbox::send_all;
use super::queue::Submission;
use crate::codec::{self, DecodeError};
use crate::command::{Command, Entry, EntryHeader, Proposal};
use crate::limits::PROPOSALS_PER_ENTRY_MAX;
use crate::outcome::{NodeError, Reply};
use crate::peer::{FRAME_BYTES_MAX, Kind, LinkError};
use crate::raft::{Completion, EntryData, TypeConfig, wire};
use crate::types::{MemberId, Stamp};

/// Entries proposed and not yet answered. Few, so that under load each holds many commands; more
/// than one, so that the next is on its way while the disk syncs.
const ENTRIES_IN_FLIGHT_MAX: usize = 2;
/// How long a batch waits before it looks for a leader again.
const LEADER_POLL: Duration = Duration::from_millis(10);
/// What a leader may take for a forwarded batch beyond the election that could interrupt it.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs until the node stops.
pub(crate) async fn run(core: Arc<Core>) {
    let slots = Arc::new(Semaphore::new(ENTRIES_IN_FLIGHT_MAX));
    loop {
        core.queue.filled().await;
        // A leader without its quorum still leads, for us, but takes nothing.
        if core.queue.was_refused() {
            wait_for_a_leader(&core).await;
        }
        core.wait_for_store().await;
        let Ok(slot) = slots.clone().acquire_owned().await else {
            return;
        };
        match core.route() {
            Route::Here(stamp) => {
                let batch = core.queue.take();
                if !batch.is_empty() {
                    propose(&core, stamp, batch, slot).await;
                }
            }
            Route::To(leader) => {
                let (stay, go): (Vec<_>, Vec<_>) = core
                    .queue
                    .take()
                    .into_iter()
                    .partition(|submission| submission.forwarded);
                refuse_forwarded(stay);
                if !go.is_empty() {
                    tokio::spawn(forward(core.clone(), leader, go, slot));
                }
            }
            Route::Nowhere => {
                drop(slot);
                wait_for_a_leader(&core).await;
            }
        }
    }
}

async fn wait_for_a_leader(core: &Core) {
    core.queue.drop_late(Instant::now(), &NodeError::NoLeader);
    tokio::time::sleep(LEADER_POLL).await;
}

/// Where proposals go now.
pub(crate) enum Route {
    /// This member leads, and its clock runs.
    Here(Stamp),
    To(MemberId),
    Nowhere,
}

/// Sent here while this member led: the sender looks for the leader itself.
fn refuse_forwarded(batch: Vec<Submission>) {
    answer_all(batch, &NodeError::NoLeader);
}

/// A batch as an entry. The proposals are moved there and back, not copied: those that come back
/// from raft unproposed are proposed again.
fn encode(
    header: EntryHeader,
    mut batch: Vec<Submission>,
) -> (Vec<Submission>, Result<EntryData, DecodeError>) {
    let take = |submission: &mut Submission| {
        let nothing = Proposal {
            principal: Default::default(),
            command: Command::Tick,
        };
        std::mem::replace(&mut submission.proposal, nothing)
    };
    let entry = Entry {
        header,
        proposals: batch.iter_mut().map(take).collect(),
    };
    let data = EntryData::new(&entry, wire::NORMAL);
    for (submission, proposal) in batch.iter_mut().zip(entry.proposals) {
        submission.proposal = proposal;
    }
    (batch, data)
}

async fn propose(
    core: &Arc<Core>,
    stamp: Stamp,
    batch: Vec<Submission>,
    slot: OwnedSemaphorePermit,
) {
    let header = EntryHeader {
        stamp,
        ..core.header
    };
    let (waiting, data) = encode(header, batch);
    let data = match data {
        Ok(data) => data,
        Err(error) => {
            tracing::error!(target: "raft", %error, "an entry can't be encoded: not proposed");
            return answer_all(waiting, &NodeError::Overloaded);
        }
    };
    let term = stamp.term;
    let core_done = core.clone();
    let done = Completion::new(move |result: ClientWriteResult<TypeConfig>| {
        complete(&core_done, term, waiting, result);
        drop(slot);
    });
    let leader = crate::raft::LeaderId {
        term,
        voted_for: core.header.member,
    };
    let committed = openraft::vote::RaftLeaderId::to_committed(&leader);
    // On an error the responder was dropped with the message: the callers see "unknown".
    if let Err(fatal) = core
        .raft
        .write(data)
        .with_leader(committed)
        .responder(done)
        .await
    {
        tracing::error!(target: "raft", %fatal, "raft has stopped");
    }
}

fn complete(
    core: &Core,
    term: u64,
    waiting: Vec<Submission>,
    result: ClientWriteResult<TypeConfig>,
) {
    match result {
        Ok(response) => {
            let index = response.log_id.index();
            debug_assert_eq!(waiting.len(), response.data.len(), "one answer a proposal");
            let answers = waiting.into_iter().zip(response.data);
            send_all(answers.map(|(submission, applied)| {
                let reply = Reply {
                    term,
                    index,
                    applied,
                };
                (submission.answer, Ok(reply))
            }));
        }
        Err(ClientWriteError::ForwardToLeader(_)) => core.queue.put_back(waiting),
        Err(error) => {
            tracing::warn!(target: "raft", %error, "the outcome of an entry is not known");
            answer_all(waiting, &NodeError::Unknown);
        }
    }
}

fn answer_all(batch: Vec<Submission>, error: &NodeError) {
    let answers = batch.into_iter().map(|submission| submission.answer);
    send_all(answers.map(|answer| (answer, Err(error.clone()))));
}

/// Bytes of the answers to a forwarded batch; the rest of the frame is for what stands around them.
const ANSWERS_BYTES_MAX: usize = FRAME_BYTES_MAX - 64 * 1024;
const _: () = assert!(64 * 1024 > 16 * PROPOSALS_PER_ENTRY_MAX);

const ANSWERED: u8 = 0;
const NOT_PROPOSED: u8 = 1;
const UNKNOWN: u8 = 2;

async fn forward(
    core: Arc<Core>,
    leader: MemberId,
    batch: Vec<Submission>,
    slot: OwnedSemaphorePermit,
) {
    let proposals: Vec<Proposal> = batch.iter().map(|s| s.proposal.clone()).collect();
    let mut request = Vec::with_capacity(256);
    codec::encode_proposals(&proposals, &mut request);
    let Some(link) = core.link_to(leader) else {
        core.queue.put_back(batch);
        return;
    };
    let answer = link.start(Kind::Forward, request.into());
    // The order is on the wire; the next batch may follow while this one is under way.
    match tokio::time::timeout(FORWARD_TIMEOUT, core.unless_leader_changes(leader, answer)).await {
        Ok(Some(Ok(Ok(answer)))) => distribute(&core, batch, answer).await,
        Ok(Some(Ok(Err(LinkError::NotSent(_))))) => core.queue.put_back(batch),
        _ => answer_all(batch, &NodeError::Unknown),
    }
    drop(slot);
}

/// Hands out the leader's answers once this member has applied what they speak of, so that a
/// client's next local read sees its own write.
async fn distribute(core: &Core, batch: Vec<Submission>, mut answer: Bytes) {
    let mut not_proposed = Vec::new();
    let mut replies = Vec::with_capacity(batch.len());
    let mut newest = 0;
    for submission in batch {
        let result = match wire::get_u8(&mut answer) {
            Ok(ANSWERED) => wire::get_bytes(&mut answer)
                .ok()
                .and_then(|bytes| codec::decode_reply(bytes).ok())
                .ok_or(NodeError::Unknown),
            Ok(NOT_PROPOSED) => {
                not_proposed.push(submission);
                continue;
            }
            _ => Err(NodeError::Unknown),
        };
        newest = result
            .as_ref()
            .map_or(newest, |reply| newest.max(reply.index));
        replies.push((submission.answer, result));
    }
    if !not_proposed.is_empty() {
        core.queue.put_back(not_proposed);
    }
    core.replica.wait_applied(newest).await;
    send_all(replies);
}

/// The leader's side of `distribute`. An answer for which a frame has no room is told as unknown,
/// so that the others arrive.
pub(crate) fn encode_answers(results: Vec<Result<Reply, NodeError>>) -> Bytes {
    let mut out = Vec::with_capacity(64 * results.len());
    let mut bytes = Vec::with_capacity(64);
    for result in results {
        match result {
            Ok(reply) => {
                bytes.clear();
                codec::encode_reply(&reply, &mut bytes);
                if out.len() + bytes.len() > ANSWERS_BYTES_MAX {
                    out.push(UNKNOWN);
                    continue;
                }
                out.push(ANSWERED);
                wire::put_bytes(&mut out, &bytes);
            }
            Err(NodeError::Unknown) => out.push(UNKNOWN),
            Err(_) => out.push(NOT_PROPOSED),
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Applied, OpResult, Outcome, RangeResult, TxnOutcome};
    use crate::types::{KeyValue, Value};

    fn reply(records: usize) -> Reply {
        let record = Arc::new(KeyValue {
            value: Value::Bytes(vec![b'x'; 1 << 20].into()),
            ..KeyValue::default()
        });
        let read = OpResult::Range(RangeResult {
            kvs: vec![record; records],
            more: false,
            count: records as u64,
            revision: 1,
        });
        let outcome = Outcome::Txn(TxnOutcome {
            succeeded: true,
            results: vec![read],
            changed: false,
        });
        Reply {
            term: 1,
            index: 1,
            applied: Applied {
                revision: 1,
                outcome: Ok(outcome),
            },
        }
    }

    #[test]
    fn an_answer_without_room_takes_no_other_with_it() {
        let answers = encode_answers(vec![Ok(reply(1)), Ok(reply(64)), Ok(reply(2))]);
        assert!(answers.len() < 4 << 20);
        let mut rest = answers;
        let mut next = || {
            wire::get_u8(&mut rest).map(|kind| {
                let answer = (kind == ANSWERED).then(|| wire::get_bytes(&mut rest).expect("bytes"));
                (
                    kind,
                    answer.map(|bytes| codec::decode_reply(bytes).expect("a reply")),
                )
            })
        };
        assert_eq!(next().expect("first"), (ANSWERED, Some(reply(1))));
        assert_eq!(next().expect("second"), (UNKNOWN, None));
        assert_eq!(next().expect("third"), (ANSWERED, Some(reply(2))));
        assert!(next().is_err(), "no more");
    }
}
