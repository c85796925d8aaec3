//! Who listens, on all members. Every member is asked at once, and there is an answer only when
//! each has given its own: locks are made of these numbers, so that one too small would be a lock
//! that is held twice. A member that can't be asked may be cut off and go on with its listeners.
//!
//! A listener that was confirmed before the question is counted, wherever it is: each member
//! answers after it was asked, from what it has at that time. So of two that listen on two members,
//! and ask then, at least one sees both.

use std::io;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use futures_util::future::try_join_all;
use tokio::time::Instant;

use super::api::{Census, CensusError, Listening};
use super::core::Core;
use crate::limits::CENSUS_BYTES_MAX;
use crate::peer::{Kind, LinkError};
use crate::raft::wire;
use crate::types::MemberId;

const LISTENERS: u8 = 0;
const CHANNELS: u8 = 1;
const MATCHING: u8 = 2;
const PATTERNS: u8 = 3;

const COUNTED: u8 = 0;
const TOO_LARGE: u8 = 1;

impl Census {
    fn encode(&self) -> Bytes {
        let mut out = Vec::new();
        match self {
            Census::Listeners(channels) => {
                out.put_u8(LISTENERS);
                channels
                    .iter()
                    .for_each(|name| wire::put_bytes(&mut out, name));
            }
            Census::Channels(None) => out.put_u8(CHANNELS),
            Census::Channels(Some(pattern)) => {
                out.put_u8(MATCHING);
                wire::put_bytes(&mut out, pattern);
            }
            Census::Patterns => out.put_u8(PATTERNS),
        }
        out.into()
    }

    pub(super) fn decode(input: &mut Bytes) -> io::Result<Census> {
        Ok(match wire::get_u8(input)? {
            LISTENERS => {
                let mut channels = Vec::new();
                while input.has_remaining() {
                    channels.push(wire::get_bytes(input)?);
                }
                Census::Listeners(channels)
            }
            CHANNELS => Census::Channels(None),
            MATCHING => Census::Channels(Some(wire::get_bytes(input)?)),
            PATTERNS => Census::Patterns,
            _ => return Err(io::Error::other("an unknown census")),
        })
    }
}

fn encode(counted: &Listening) -> Bytes {
    let mut out = vec![COUNTED];
    for (name, listeners) in counted {
        wire::put_bytes(&mut out, name);
        out.put_u64_le(*listeners);
        if out.len() > CENSUS_BYTES_MAX {
            return Bytes::from_static(&[TOO_LARGE]);
        }
    }
    out.into()
}

/// None: too large.
fn decode(mut input: Bytes) -> io::Result<Option<Listening>> {
    if wire::get_u8(&mut input)? == TOO_LARGE {
        return Ok(None);
    }
    let mut counted = Listening::new();
    while input.has_remaining() {
        let name = wire::get_bytes(&mut input)?;
        counted.insert(name, wire::get_u64(&mut input)?);
    }
    Ok(Some(counted))
}

impl Core {
    /// What this member has to say to another's question.
    pub(super) async fn answer_census(&self, asked: Census) -> Option<Bytes> {
        Some(encode(&self.count_here(asked).await.ok()?))
    }

    /// Not on the core thread: there may be many names to match.
    async fn count_here(&self, asked: Census) -> Result<Listening, CensusError> {
        let listeners = self.replica.hub.listeners();
        let counting = move || {
            let mut counted = Listening::new();
            for (name, count) in listeners.iter().flat_map(|one| one.census(&asked)) {
                *counted.entry(name).or_default() += count;
            }
            counted
        };
        let counted = self.versions().off_thread(counting).await;
        // It fails at the member's end alone.
        counted.map_err(|_| CensusError::Away(self.header.member))
    }

    pub(super) async fn count_everywhere(
        &self,
        asked: Census,
        deadline: Instant,
    ) -> Result<Listening, CensusError> {
        let question = asked.encode();
        if question.len() > CENSUS_BYTES_MAX {
            return Err(CensusError::TooLarge);
        }
        let asking = self
            .others()
            .into_iter()
            .map(|member| self.ask(member, question.clone(), deadline));
        let elsewhere = try_join_all(asking).await?;
        let mut counted = self.count_here(asked).await?;
        for (name, listeners) in elsewhere.into_iter().flatten() {
            *counted.entry(name).or_default() += listeners;
        }
        Ok(counted)
    }

    /// A connection that is lost under the question says nothing about the member: it is asked
    /// again.
    async fn ask(
        &self,
        member: MemberId,
        question: Bytes,
        deadline: Instant,
    ) -> Result<Listening, CensusError> {
        let away = CensusError::Away(member);
        let link = self.link_to(member).ok_or(away)?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return Err(away);
            }
            match link.call(Kind::Census, question.clone(), left).await {
                Ok(answer) => {
                    let counted = decode(answer).map_err(|_| away)?;
                    return counted.ok_or(CensusError::TooLarge);
                }
                Err(LinkError::NotSent(_)) => return Err(away),
                Err(LinkError::Lost) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_answers_come_back_as_they_were() {
        let name = |text: &'static str| Bytes::from_static(text.as_bytes());
        for asked in [
            Census::Listeners(vec![name("a"), name(""), name("a")]),
            Census::Listeners(Vec::new()),
            Census::Channels(None),
            Census::Channels(Some(name("n*"))),
            Census::Patterns,
        ] {
            let mut bytes = asked.encode();
            assert_eq!(Census::decode(&mut bytes).expect("decodes"), asked);
        }
        let counted = Listening::from([(name("a"), 1), (name("b"), 7)]);
        assert_eq!(decode(encode(&counted)).expect("decodes"), Some(counted));
        assert!(Census::decode(&mut Bytes::from_static(&[9])).is_err());
        assert!(decode(Bytes::from_static(&[0, 9, 0, 0, 0])).is_err());
    }

    #[test]
    fn an_answer_that_no_frame_takes_is_refused_not_cut() {
        let long = Bytes::from(vec![b'x'; CENSUS_BYTES_MAX]);
        let counted = Listening::from([(Bytes::from_static(b"a"), 1), (long, 1)]);
        assert_eq!(decode(encode(&counted)).expect("decodes"), None);
    }
}
