//! What a conversation is in the middle of: which commands a MULTI has queued, what is subscribed.
//! It is learned from the real server's replies, and tells how many replies a command will have.

use std::collections::BTreeSet;

use super::reply::Reply;
use super::step::Command;

#[derive(Clone, Debug, Default)]
pub struct Talk {
    /// The commands that were answered QUEUED; none outside MULTI.
    pub queued: Option<Vec<Command>>,
    channels: BTreeSet<Vec<u8>>,
    patterns: BTreeSet<Vec<u8>>,
}

impl Talk {
    pub fn is_subscribed(&self) -> bool {
        !self.channels.is_empty() || !self.patterns.is_empty()
    }

    /// How many replies the command will have unless its first is an error.
    pub fn replies(&self, command: &Command) -> usize {
        let named = command.0.len().saturating_sub(1);
        let all = |names: &BTreeSet<Vec<u8>>| if named > 0 { named } else { names.len().max(1) };
        match command.name().as_str() {
            // The end of the connection is the second.
            "quit" => 2,
            _ if self.queued.is_some() => 1,
            "subscribe" | "psubscribe" => named.max(1),
            "unsubscribe" => all(&self.channels),
            "punsubscribe" => all(&self.patterns),
            _ => 1,
        }
    }

    /// Whether a reply on this connection is a message that nobody asked for.
    pub fn is_message(&self, reply: &Reply) -> bool {
        let kind = kind(reply);
        self.is_subscribed() && matches!(kind, Some(b"message" | b"pmessage"))
    }

    /// Takes note of a command and its reply. Commands that EXEC carried out are returned.
    pub fn note(&mut self, command: &Command, reply: &Reply) -> Vec<Command> {
        self.note_subscription(reply);
        let name = command.name();
        if let Reply::Simple(text) = reply {
            match (name.as_str(), text.as_slice()) {
                ("reset", _) => *self = Self::default(),
                ("multi", b"OK") => self.queued = Some(Vec::new()),
                ("discard", b"OK") => self.queued = None,
                (_, b"QUEUED") => self
                    .queued
                    .iter_mut()
                    .for_each(|all| all.push(command.clone())),
                _ => {}
            }
        }
        // Whatever it answered, the transaction is over.
        if name != "exec" || self.queued.is_none() {
            return Vec::new();
        }
        reply
            .elements()
            .into_iter()
            .flatten()
            .for_each(|reply| self.note_subscription(reply));
        self.queued.take().unwrap_or_default()
    }

    fn note_subscription(&mut self, reply: &Reply) {
        let (Some(kind), Some(all)) = (kind(reply), reply.elements()) else {
            return;
        };
        let Some(Reply::Bulk(name)) = all.get(1) else {
            return;
        };
        match kind {
            b"subscribe" => self.channels.insert(name.clone()),
            b"psubscribe" => self.patterns.insert(name.clone()),
            b"unsubscribe" => self.channels.remove(name),
            b"punsubscribe" => self.patterns.remove(name),
            _ => return,
        };
    }
}

/// The first word of an array or a push of three or four.
fn kind(reply: &Reply) -> Option<&[u8]> {
    match reply.elements()? {
        [Reply::Bulk(kind), _, _] | [Reply::Bulk(kind), _, _, _] => Some(kind),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_what_is_queued_and_subscribed() {
        let mut talk = Talk::default();
        let simple = |text: &str| Reply::Simple(text.as_bytes().to_vec());
        talk.note(&Command::of(&["multi"]), &simple("OK"));
        talk.note(&Command::of(&["get", "k"]), &simple("QUEUED"));
        let ran = talk.note(
            &Command::of(&["EXEC"]),
            &Reply::Array(vec![Reply::NullBulk]),
        );
        assert_eq!(ran, [Command::of(&["get", "k"])]);
        assert!(talk.queued.is_none());

        let heard = |kind: &str, name: &str| {
            Reply::Push(vec![
                Reply::bulk(kind),
                Reply::bulk(name),
                Reply::Integer(1),
            ])
        };
        assert!(!talk.is_message(&heard("message", "c")));
        talk.note(
            &Command::of(&["subscribe", "c", "d"]),
            &heard("subscribe", "c"),
        );
        talk.note(
            &Command::of(&["subscribe", "c", "d"]),
            &heard("subscribe", "d"),
        );
        assert!(talk.is_message(&heard("message", "c")));
        assert_eq!(talk.replies(&Command::of(&["unsubscribe"])), 2);
        assert_eq!(talk.replies(&Command::of(&["punsubscribe"])), 1);
        talk.note(&Command::of(&["reset"]), &simple("RESET"));
        assert!(!talk.is_subscribed());
    }
}
