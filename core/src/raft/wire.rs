//! openraft's types as bytes, for the log and for peers. Fixed-width little numbers, lengths
//! checked against what is there; the entries' own encoding is `codec`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use bytes::{Buf, BufMut, Bytes};
use openraft::raft::{
    AppendEntriesRequest, StreamAppendError, StreamAppendResult, TransferLeaderRequest,
    VoteRequest, VoteResponse,
};
use openraft::{EntryPayload, Membership};

use super::types::{EntryData, LogId, Peer, RaftEntry, StoredMembership, TypeConfig, Vote};

const BLANK: u8 = 0;
pub(crate) const NORMAL: u8 = 1;
const MEMBERSHIP: u8 = 2;

/// Bytes that are not what they should be; never the sender's choice of an allocation.
fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

pub(crate) fn get_u8(input: &mut Bytes) -> io::Result<u8> {
    input
        .try_get_u8()
        .map_err(|_| malformed("message is too short"))
}

pub(crate) fn get_u64(input: &mut Bytes) -> io::Result<u64> {
    input
        .try_get_u64_le()
        .map_err(|_| malformed("message is too short"))
}

pub(crate) fn get_u32(input: &mut Bytes) -> io::Result<u32> {
    input
        .try_get_u32_le()
        .map_err(|_| malformed("message is too short"))
}

pub(crate) fn get_bytes(input: &mut Bytes) -> io::Result<Bytes> {
    let length = get_u32(input)? as usize;
    if length > input.len() {
        return Err(malformed("a length is longer than its message"));
    }
    Ok(input.split_to(length))
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("messages are limited far below 4 GiB");
    out.put_u32_le(length);
    out.put_slice(bytes);
}

pub(crate) fn get_string(input: &mut Bytes) -> io::Result<String> {
    let bytes = get_bytes(input)?;
    String::from_utf8(bytes.into()).map_err(|_| malformed("a text is not UTF-8"))
}

pub(crate) fn put_vote(out: &mut Vec<u8>, vote: &Vote) {
    out.put_u64_le(vote.leader_id.term);
    out.put_u64_le(vote.leader_id.voted_for);
    out.put_u8(u8::from(vote.committed));
}

pub(crate) fn get_vote(input: &mut Bytes) -> io::Result<Vote> {
    let term = get_u64(input)?;
    let member = get_u64(input)?;
    let mut vote = Vote::new(term, member);
    vote.committed = get_u8(input)? == 1;
    Ok(vote)
}

pub(crate) fn log_id(term: u64, index: u64) -> LogId {
    LogId::new_term_index(term, index)
}

pub(crate) fn put_log_id(out: &mut Vec<u8>, id: Option<&LogId>) {
    out.put_u8(u8::from(id.is_some()));
    if let Some(id) = id {
        out.put_u64_le(id.committed_leader_id().term);
        out.put_u64_le(id.index());
    }
}

pub(crate) fn get_log_id(input: &mut Bytes) -> io::Result<Option<LogId>> {
    if get_u8(input)? == 0 {
        return Ok(None);
    }
    Ok(Some(log_id(get_u64(input)?, get_u64(input)?)))
}

fn put_membership(out: &mut Vec<u8>, membership: &Membership<u64, Peer>) {
    let configs = membership.get_joint_config();
    out.put_u32_le(configs.len() as u32);
    for config in configs {
        out.put_u32_le(config.len() as u32);
        config.iter().for_each(|id| out.put_u64_le(*id));
    }
    let nodes: Vec<_> = membership.nodes().collect();
    out.put_u32_le(nodes.len() as u32);
    for (id, peer) in nodes {
        out.put_u64_le(*id);
        put_bytes(out, peer.name.as_bytes());
        out.put_u32_le(peer.peer_urls.len() as u32);
        peer.peer_urls
            .iter()
            .for_each(|url| put_bytes(out, url.as_bytes()));
    }
}

fn get_membership(input: &mut Bytes) -> io::Result<Membership<u64, Peer>> {
    let mut configs = Vec::new();
    for _ in 0..get_u32(input)? {
        let mut config = BTreeSet::new();
        for _ in 0..get_u32(input)? {
            config.insert(get_u64(input)?);
        }
        configs.push(config);
    }
    let mut nodes = BTreeMap::new();
    for _ in 0..get_u32(input)? {
        let id = get_u64(input)?;
        let name = get_string(input)?;
        let mut peer_urls = Vec::new();
        for _ in 0..get_u32(input)? {
            peer_urls.push(get_string(input)?);
        }
        nodes.insert(id, Peer { name, peer_urls });
    }
    Membership::new(configs, nodes).map_err(|_| malformed("a membership contradicts itself"))
}

pub(crate) fn put_stored_membership(out: &mut Vec<u8>, stored: &StoredMembership) {
    put_log_id(out, stored.log_id().as_ref());
    put_membership(out, stored.membership());
}

pub(crate) fn get_stored_membership(input: &mut Bytes) -> io::Result<StoredMembership> {
    let id = get_log_id(input)?;
    Ok(StoredMembership::new(id, get_membership(input)?))
}

/// The payload of an entry as the log keeps it. Blank entries are one byte.
pub(crate) fn encode_payload(entry: &RaftEntry) -> Bytes {
    match &entry.payload {
        EntryPayload::Blank => Bytes::from_static(&[BLANK]),
        EntryPayload::Normal(data) => data.tagged(),
        EntryPayload::Membership(membership) => {
            let mut out = vec![MEMBERSHIP];
            put_membership(&mut out, membership);
            out.into()
        }
    }
}

pub(crate) fn decode_payload(term: u64, index: u64, payload: Bytes) -> io::Result<RaftEntry> {
    let mut rest = payload.clone();
    let payload = match get_u8(&mut rest)? {
        BLANK => EntryPayload::Blank,
        NORMAL => EntryPayload::Normal(
            EntryData::decode_tagged(payload)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?,
        ),
        MEMBERSHIP => EntryPayload::Membership(get_membership(&mut rest)?),
        _ => {
            return Err(malformed(
                "an entry is of an unknown kind: a newer version wrote it",
            ));
        }
    };
    Ok(RaftEntry {
        log_id: log_id(term, index),
        payload,
    })
}

pub(crate) fn put_append(out: &mut Vec<u8>, request: &AppendEntriesRequest<TypeConfig>) {
    put_vote(out, &request.vote);
    put_log_id(out, request.prev_log_id.as_ref());
    put_log_id(out, request.leader_commit.as_ref());
    out.put_u32_le(request.entries.len() as u32);
    for entry in &request.entries {
        out.put_u64_le(entry.log_id.committed_leader_id().term);
        out.put_u64_le(entry.log_id.index());
        put_bytes(out, &encode_payload(entry));
    }
}

pub(crate) fn get_append(input: &mut Bytes) -> io::Result<AppendEntriesRequest<TypeConfig>> {
    let vote = get_vote(input)?;
    let prev_log_id = get_log_id(input)?;
    let leader_commit = get_log_id(input)?;
    let mut entries = Vec::new();
    for _ in 0..get_u32(input)? {
        let term = get_u64(input)?;
        let index = get_u64(input)?;
        entries.push(decode_payload(term, index, get_bytes(input)?)?);
    }
    Ok(AppendEntriesRequest {
        vote,
        prev_log_id,
        entries,
        leader_commit,
    })
}

pub(crate) fn put_append_result(out: &mut Vec<u8>, result: &StreamAppendResult<TypeConfig>) {
    match result {
        Ok(id) => {
            out.put_u8(0);
            put_log_id(out, id.as_ref());
        }
        Err(StreamAppendError::Conflict(id)) => {
            out.put_u8(1);
            put_log_id(out, Some(id));
        }
        Err(StreamAppendError::HigherVote(vote)) => {
            out.put_u8(2);
            put_vote(out, vote);
        }
    }
}

pub(crate) fn get_append_result(input: &mut Bytes) -> io::Result<StreamAppendResult<TypeConfig>> {
    match get_u8(input)? {
        0 => Ok(Ok(get_log_id(input)?)),
        1 => {
            let id = get_log_id(input)?.ok_or_else(|| malformed("a conflict without its place"))?;
            Ok(Err(StreamAppendError::Conflict(id)))
        }
        _ => Ok(Err(StreamAppendError::HigherVote(get_vote(input)?))),
    }
}

pub(crate) fn put_vote_request(out: &mut Vec<u8>, request: &VoteRequest<TypeConfig>) {
    put_vote(out, &request.vote);
    put_log_id(out, request.last_log_id.as_ref());
    out.put_u8(u8::from(request.leadership_transfer));
}

pub(crate) fn get_vote_request(input: &mut Bytes) -> io::Result<VoteRequest<TypeConfig>> {
    let mut request = VoteRequest::new(get_vote(input)?, get_log_id(input)?);
    request.leadership_transfer = get_u8(input)? == 1;
    Ok(request)
}

pub(crate) fn put_vote_response(out: &mut Vec<u8>, response: &VoteResponse<TypeConfig>) {
    put_vote(out, &response.vote);
    put_log_id(out, response.last_log_id.as_ref());
    out.put_u8(u8::from(response.vote_granted));
}

pub(crate) fn get_vote_response(input: &mut Bytes) -> io::Result<VoteResponse<TypeConfig>> {
    let vote = get_vote(input)?;
    let last_log_id = get_log_id(input)?;
    Ok(VoteResponse::new(vote, last_log_id, get_u8(input)? == 1))
}

pub(crate) fn put_transfer(out: &mut Vec<u8>, request: &TransferLeaderRequest<TypeConfig>) {
    put_vote(out, request.from_leader());
    out.put_u64_le(*request.to_node_id());
    put_log_id(out, request.last_log_id());
}

pub(crate) fn get_transfer(input: &mut Bytes) -> io::Result<TransferLeaderRequest<TypeConfig>> {
    let vote = get_vote(input)?;
    let to = get_u64(input)?;
    Ok(TransferLeaderRequest::new(vote, to, get_log_id(input)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a peer sends is read to its end, or refused; never a panic, whatever it is.
    #[test]
    fn fuzz_messages() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let message = || Bytes::copy_from_slice(bytes);
            let entry = decode_payload(1, 2, message());
            let read = [
                get_append(&mut message()).is_ok(),
                get_append_result(&mut message()).is_ok(),
                get_vote_request(&mut message()).is_ok(),
                get_vote_response(&mut message()).is_ok(),
                get_transfer(&mut message()).is_ok(),
                get_stored_membership(&mut message()).is_ok(),
                entry.is_ok(),
            ];
            assert!(!bytes.is_empty() || read == [false; 7]);
        });
    }
}
