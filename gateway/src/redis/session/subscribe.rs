//! SUBSCRIBE, PSUBSCRIBE and their opposites: one confirmation per channel, which counts the
//! connection's subscriptions of all kinds.

use bytes::Bytes;

use super::state::Session;
use crate::redis::reply::Reply;

/// Subscriptions of one connection.
const SUBSCRIPTIONS_MAX: usize = 100_000;

impl Session {
    pub fn subscribe(&mut self, args: &[Bytes]) -> Vec<Reply> {
        let listener = self.listener();
        let mut replies = Vec::new();
        for channel in args.iter().skip(1) {
            if self.subscription_count() >= SUBSCRIPTIONS_MAX {
                replies.push(too_many());
                continue;
            }
            // Counted first, so that a message can only follow its confirmation.
            self.channels.insert(channel.clone());
            self.context.hub.subscribe(channel.clone(), &listener);
            replies.push(self.confirm("subscribe", Some(channel)));
        }
        replies
    }

    pub fn psubscribe(&mut self, args: &[Bytes]) -> Vec<Reply> {
        let listener = self.listener();
        let mut replies = Vec::new();
        for pattern in args.iter().skip(1) {
            if self.subscription_count() >= SUBSCRIPTIONS_MAX {
                replies.push(too_many());
                continue;
            }
            self.patterns.insert(pattern.clone());
            self.context
                .hub
                .subscribe_pattern(pattern.clone(), &listener);
            replies.push(self.confirm("psubscribe", Some(pattern)));
        }
        replies
    }

    pub fn unsubscribe(&mut self, args: &[Bytes]) -> Vec<Reply> {
        let chosen = chosen(args, self.channels.iter());
        if chosen.is_empty() {
            return vec![self.confirm("unsubscribe", None)];
        }
        let mut replies = Vec::new();
        for channel in chosen {
            self.channels.remove(&channel);
            self.context.hub.unsubscribe(&channel, self.client.id);
            replies.push(self.confirm("unsubscribe", Some(&channel)));
        }
        replies
    }

    pub fn punsubscribe(&mut self, args: &[Bytes]) -> Vec<Reply> {
        let chosen = chosen(args, self.patterns.iter());
        if chosen.is_empty() {
            return vec![self.confirm("punsubscribe", None)];
        }
        let mut replies = Vec::new();
        for pattern in chosen {
            self.patterns.remove(&pattern);
            self.context
                .hub
                .unsubscribe_pattern(&pattern, self.client.id);
            replies.push(self.confirm("punsubscribe", Some(&pattern)));
        }
        replies
    }

    fn confirm(&self, kind: &'static str, name: Option<&Bytes>) -> Reply {
        let count = Reply::count(self.subscription_count());
        Reply::Push(vec![Reply::text(kind), Reply::maybe(name.cloned()), count])
    }
}

/// Those named, or all.
fn chosen<'a>(args: &[Bytes], all: impl Iterator<Item = &'a Bytes>) -> Vec<Bytes> {
    let named = args.get(1..).unwrap_or_default();
    if named.is_empty() {
        all.cloned().collect()
    } else {
        named.to_vec()
    }
}

fn too_many() -> Reply {
    Reply::Error(crate::redis::fault::Fault::fixed(
        "ERR too many subscriptions",
    ))
}
