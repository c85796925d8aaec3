//! SUBSCRIBE, PSUBSCRIBE and their opposites: one confirmation per channel, which counts the
//! connection's subscriptions of all kinds.

use bytes::Bytes;

use super::state::Session;
use crate::redis::reply::Reply;

/// What a subscription takes besides its name: its places in the connection's list and in the
/// member's.
const SUBSCRIPTION_BYTES: usize = 320;

impl Session {
    pub fn subscribe(&mut self, args: &[Bytes]) -> Vec<Reply> {
        let listener = self.listener();
        let mut replies = Vec::new();
        for channel in args.iter().skip(1) {
            if !self.channels.contains(channel) {
                if let Err(fault) = self.keep(0, cost(channel)) {
                    replies.push(Reply::Error(fault));
                    continue;
                }
                // Counted first, so that a message can only follow its confirmation. Copied, for a
                // part of the request would keep all of it.
                let own = Bytes::copy_from_slice(channel);
                self.channels.insert(own.clone());
                self.context.hub.subscribe(own, &listener);
            }
            replies.push(self.confirm("subscribe", Some(channel)));
        }
        replies
    }

    pub fn psubscribe(&mut self, args: &[Bytes]) -> Vec<Reply> {
        let listener = self.listener();
        let mut replies = Vec::new();
        for pattern in args.iter().skip(1) {
            if !self.patterns.contains(pattern) {
                if let Err(fault) = self.keep(0, cost(pattern)) {
                    replies.push(Reply::Error(fault));
                    continue;
                }
                let own = Bytes::copy_from_slice(pattern);
                self.patterns.insert(own.clone());
                self.context.hub.subscribe_pattern(own, &listener);
            }
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
            if self.channels.remove(&channel) {
                self.give_back(&channel);
            }
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
            if self.patterns.remove(&pattern) {
                self.give_back(&pattern);
            }
            self.context
                .hub
                .unsubscribe_pattern(&pattern, self.client.id);
            replies.push(self.confirm("punsubscribe", Some(&pattern)));
        }
        replies
    }

    fn give_back(&mut self, name: &Bytes) {
        // Less is never refused.
        drop(self.keep(cost(name), 0));
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

fn cost(name: &[u8]) -> usize {
    name.len() + SUBSCRIPTION_BYTES
}
