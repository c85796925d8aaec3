//! What a connection remembers between its commands.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use quorate_core::types::Principal;

use super::exec::Multi;
use super::pipeline::OUTPUT_BYTES_HIGH;
use super::watch::Watching;
use super::watch_turn::WatchTurn;
use crate::listen::{Held, KEPT_BYTES_EACH_MAX, KEPT_BYTES_MAX, Kept, Share};
use crate::redis::client::Client;
use crate::redis::context::Context;
use crate::redis::fault::Fault;
use crate::redis::frame::{Protocol, encode};
use crate::redis::pubsub::{Listener, Mailbox};
use crate::redis::reply::Reply;

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    #[default]
    On,
    Off,
    /// The reply of the next command is left out.
    SkipNext,
    /// The reply of this command is left out.
    Skip,
}

/// Replies of one command, encoded. Redis has no such limit.
const REPLY_BYTES_MAX: usize = 16 * 1024 * 1024;
const REPLY_TOO_LARGE: Fault =
    Fault::fixed("ERR reply is too large (at most 16777216 bytes); the command was carried out");

/// What a client is told when what it wants to keep is too much.
pub const KEPT_TOO_MUCH: Fault = Fault::fixed(
    "ERR too many subscriptions, watched keys or client names (at most 16777216 bytes for one \
     client, 67108864 bytes for all)",
);
const _: () = assert!(KEPT_BYTES_EACH_MAX == 16_777_216 && KEPT_BYTES_MAX == 67_108_864);

/// Replies that need no room made for them, as long as they are not more than twice that which wait
/// to be sent.
const SMALL_REPLY_BYTES: usize = 4 * 1024;

/// One connection.
pub struct Session {
    pub context: Arc<Context>,
    pub client: Arc<Client>,
    pub principal: Principal,
    pub protocol: Protocol,
    pub db: u32,
    pub multi: Option<Multi>,
    pub watching: Option<Watching>,
    pub watch_turn: WatchTurn,
    pub mailbox: Arc<Mailbox>,
    /// What the connection's output holds.
    held: Held,
    /// What the commands of its MULTI do: they came in, and wait for more to come.
    queued: Held,
    /// What the names of its subscriptions and of itself take.
    kept: Kept,
    pub channels: BTreeSet<Bytes>,
    pub patterns: BTreeSet<Bytes>,
    pub reply_mode: ReplyMode,
    /// Scripts that are still to be done one by one (`together`, `company`).
    pub alone: u32,
    /// Nothing more is read; what is written so far is sent.
    pub closing: bool,
}

impl Session {
    pub fn new(
        context: Arc<Context>,
        share: &Share,
        peer: Option<SocketAddr>,
        local: Option<SocketAddr>,
    ) -> Session {
        let client = Arc::new(Client::new(context.next_client_id(), peer, local));
        context.clients.insert(client.id, client.clone());
        let kept = Kept::new(context.load.clone());
        Session {
            context,
            client,
            principal: Principal::default(),
            protocol: Protocol::Resp2,
            db: 0,
            multi: None,
            watching: None,
            watch_turn: WatchTurn::default(),
            mailbox: Arc::new(Mailbox::new(share)),
            held: share.hold(),
            queued: share.hold_incoming(),
            kept,
            channels: BTreeSet::new(),
            patterns: BTreeSet::new(),
            reply_mode: ReplyMode::On,
            alone: 0,
            closing: false,
        }
    }

    pub fn listener(&self) -> Listener {
        Listener {
            id: self.client.id,
            mailbox: self.mailbox.clone(),
        }
    }

    pub fn subscription_count(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// RESP2 connections with subscriptions may only change them.
    pub fn is_subscriber_only(&self) -> bool {
        self.protocol == Protocol::Resp2 && self.subscription_count() > 0
    }

    /// Writes a command's reply, unless the client wants none. Confirmations of subscriptions are
    /// pushed, as Redis does, whatever the client wants of replies.
    pub fn write(&mut self, reply: &Reply, out: &mut BytesMut) {
        match self.reply_mode {
            _ if matches!(reply, Reply::Push(_)) => encode(reply, self.protocol, out),
            ReplyMode::On => encode(reply, self.protocol, out),
            ReplyMode::Off | ReplyMode::Skip | ReplyMode::SkipNext => {}
        }
    }

    /// Tells the load that the connection's output holds so many bytes, and its MULTI what it does.
    pub fn hold(&mut self, output: usize) {
        self.queued.set(self.multi.as_ref().map_or(0, Multi::bytes));
        self.held.set(output);
    }

    /// Whether more may be answered before what was answered has left: a little always, and more
    /// if there is room.
    pub fn may_answer(&mut self, out: &mut BytesMut) -> bool {
        if out.len() < SMALL_REPLY_BYTES || out.capacity() - out.len() >= SMALL_REPLY_BYTES {
            return out.len() < OUTPUT_BYTES_HIGH;
        }
        let grown = 2 * out.capacity();
        let has_room = out.len() < OUTPUT_BYTES_HIGH && self.held.try_set(grown);
        if has_room {
            out.reserve(grown - out.len());
        }
        has_room
    }

    /// Waits until replies of so many bytes may be put into the output; an error instead if they
    /// are too many for any.
    pub async fn room_for(&mut self, replies: usize, out: &mut BytesMut) -> Result<(), Fault> {
        if replies > REPLY_BYTES_MAX {
            return Err(REPLY_TOO_LARGE);
        }
        let bytes = out.len() + replies;
        if bytes > 2 * SMALL_REPLY_BYTES && bytes > out.capacity() {
            // A buffer at least doubles.
            let grown = bytes.max(2 * out.capacity());
            self.held.wait_for(grown).await;
            out.reserve(grown - out.len());
        }
        Ok(())
    }

    /// Changes what is kept for the connection.
    ///
    /// # Errors
    /// If it is too much; nothing changes then.
    pub fn keep(&mut self, less: usize, more: usize) -> Result<(), Fault> {
        let bytes = self.kept.bytes() - less + more;
        self.kept.try_set(bytes).then_some(()).ok_or(KEPT_TOO_MUCH)
    }

    /// Called when a command and all its replies are done.
    pub fn end_command(&mut self) {
        self.reply_mode = match self.reply_mode {
            ReplyMode::SkipNext => ReplyMode::Skip,
            ReplyMode::Skip => ReplyMode::On,
            other => other,
        };
    }

    /// Writes messages that have arrived; false if the connection was too slow for them.
    pub fn deliver(&mut self, out: &mut BytesMut, bytes_max: usize) -> bool {
        let Some(messages) = self.mailbox.take(bytes_max) else {
            return false;
        };
        for message in messages {
            encode(&message.reply(), self.protocol, out);
        }
        true
    }

    /// Tells the others what CLIENT LIST shows.
    pub fn publish_facts(&self, command: &'static str) {
        let mut facts = self.client.facts.lock();
        facts.last_command = command;
        facts.last_active = Instant::now();
        facts.db = self.db;
        facts.protocol = self.protocol.number();
        facts.channels = self.channels.len();
        facts.patterns = self.patterns.len();
        facts.queued = self.multi.as_ref().map(Multi::len);
        let watching = self.watching.as_ref();
        facts.touched = watching.is_some_and(|watching| watching.watch.is_touched());
    }

    /// RESET: back to how a connection begins.
    pub fn reset(&mut self) {
        self.multi = None;
        self.watching = None;
        self.watch_turn.give_back();
        self.unsubscribe_all();
        self.protocol = Protocol::Resp2;
        self.db = 0;
        self.reply_mode = ReplyMode::On;
        // Less is never refused.
        drop(self.set_name(b""));
        let mut facts = self.client.facts.lock();
        facts.no_evict = false;
        facts.no_touch = false;
    }

    pub fn unsubscribe_all(&mut self) {
        self.unsubscribe(&[]);
        self.punsubscribe(&[]);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.unsubscribe_all();
        self.context.clients.remove(&self.client.id);
    }
}
