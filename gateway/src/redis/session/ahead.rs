//! Subscriptions that change within EXEC.
//!
//! Each takes effect at its place: a message that the same EXEC publishes after a SUBSCRIBE is
//! heard, one before it is not. And from the instant at which the commands on data happen on
//! nothing of others is missed. So the member's table has what is going to be subscribed before the
//! program is proposed, and once it has happened its own messages are told from the others' by
//! following them in their order; each is answered at its place, before its PUBLISH, as Redis does.
//!
//! ```text
//! PUBLISH c a; SUBSCRIBE c; PUBLISH c b     :0  subscribe c  message c b  :1
//! ```

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;

use super::exec::{Answered, Queued};
use super::pipeline::OUTPUT_BYTES_HIGH;
use super::state::Session;
use crate::redis::commands::key::glob;
use crate::redis::commands::{Run, Session as Verb};
use crate::redis::pubsub::Message;
use crate::redis::reply::Reply;

/// What the member's table has for a connection while its EXEC is carried out: all that it has
/// subscribed to, or will have at some place.
pub struct Ahead {
    channels: BTreeSet<Bytes>,
    patterns: BTreeSet<Bytes>,
    /// Messages that have come since, and not been answered.
    arrived: VecDeque<Message>,
}

impl Ahead {
    /// A message of its own as it was put into the mailbox, once for each subscription.
    fn copies(&self, channel: &Bytes, payload: &Bytes) -> Vec<Message> {
        let by_name = self.channels.contains(channel).then_some(None);
        let patterns = self.patterns.iter();
        let matching = patterns.filter(|pattern| glob(pattern, channel, false));
        let by = by_name.into_iter().chain(matching.map(Some));
        by.map(|pattern| Message {
            pattern: pattern.cloned(),
            channel: channel.clone(),
            payload: payload.clone(),
            sharers: 1,
        })
        .collect()
    }

    /// What came up to a message, and whether that came: the others' before it.
    fn up_to(&mut self, own: &Message) -> Vec<Message> {
        let at = self.arrived.iter().position(|message| message.says_as(own));
        self.arrived.drain(..at.map_or(0, |at| at + 1)).collect()
    }
}

impl Session {
    /// Listens to what the queue is going to subscribe to. None if it changes no subscription.
    pub fn listen_ahead(&self, queue: &[Queued]) -> Option<Ahead> {
        use Verb::{Psubscribe, Punsubscribe, Subscribe, Unsubscribe};
        let changes = |queued: &Queued| {
            matches!(
                queued.row.run,
                Run::Session(Subscribe | Unsubscribe | Psubscribe | Punsubscribe)
            )
        };
        if !queue.iter().any(changes) {
            return None;
        }
        let mut ahead = Ahead {
            channels: self.channels.clone(),
            patterns: self.patterns.clone(),
            arrived: VecDeque::new(),
        };
        let listener = self.listener();
        for queued in queue {
            // Copied, for a part of the request would keep all of it.
            let names = queued.args.iter().skip(1);
            let names = names.map(|name| Bytes::copy_from_slice(name));
            match queued.row.run {
                Run::Session(Subscribe) => names
                    .filter(|name| ahead.channels.insert(name.clone()))
                    .for_each(|name| self.context.hub.subscribe(name, &listener)),
                Run::Session(Psubscribe) => names
                    .filter(|name| ahead.patterns.insert(name.clone()))
                    .for_each(|name| self.context.hub.subscribe_pattern(name, &listener)),
                _ => {}
            }
        }
        Some(ahead)
    }

    /// Nothing has happened: the connection hears what it did before.
    pub fn listen_no_more(&mut self, ahead: &Ahead) {
        self.forget_others(ahead);
        self.mailbox.retain(|message| self.hears(message));
    }

    /// Carries out what concerns the connection and puts replies and messages in order.
    pub async fn complete_hearing(
        &mut self,
        queue: &[Queued],
        answers: Vec<Answered>,
        mut ahead: Ahead,
    ) -> Reply {
        let arrived = self.mailbox.take(OUTPUT_BYTES_HIGH);
        ahead.arrived = arrived.unwrap_or_default().into();
        let mut groups = Vec::with_capacity(answers.len());
        for (queued, answered) in queue.iter().zip(answers) {
            let mut group = Vec::new();
            let mut unheard = 0;
            for (channel, payload) in &answered.published {
                for own in ahead.copies(channel, payload) {
                    let heard = self.hears(&own);
                    unheard += i64::from(!heard);
                    let came = ahead.up_to(&own).into_iter();
                    let came = came.filter(|message| self.hears(message));
                    group.extend(came.map(Message::reply));
                }
            }
            match answered.reply {
                // Those are counted that listen at this place.
                Some(Reply::Integer(receivers)) if queued.row.name == "publish" => {
                    group.push(Reply::Integer(receivers - unheard));
                }
                answer => group.extend(self.completed(queued, answer).await),
            }
            groups.push(group);
        }
        self.forget_others(&ahead);
        let left = ahead.arrived.drain(..);
        let left = left.filter(|message| self.hears(message));
        if let Some(last) = groups.last_mut() {
            last.extend(left.map(Message::reply));
        }
        Reply::Transaction(groups)
    }

    fn hears(&self, message: &Message) -> bool {
        match &message.pattern {
            Some(pattern) => self.patterns.contains(pattern),
            None => self.channels.contains(&message.channel),
        }
    }

    /// Takes out of the member's table what the connection has not subscribed to in the end.
    fn forget_others(&self, ahead: &Ahead) {
        let (hub, id) = (&self.context.hub, self.client.id);
        let channels = ahead.channels.difference(&self.channels);
        channels.for_each(|channel| hub.unsubscribe(channel, id));
        let patterns = ahead.patterns.difference(&self.patterns);
        patterns.for_each(|pattern| hub.unsubscribe_pattern(pattern, id));
    }
}
