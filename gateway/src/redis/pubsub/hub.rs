//! Who listens to what on this member.
//!
//! Published messages and changes of keys arrive on the apply thread, in the order of the log, and
//! are put into the mailboxes of the connections concerned; nothing here waits.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use parking_lot::RwLock;
use quorate_core::node::{Census, EffectsListener};
use quorate_core::outcome::{Cause, Notice, RevisionEvents, Step};
use quorate_core::swept::Swept;
use quorate_core::types::Revision;

use super::keyspace_events::{Class, EventFlags, key_events, life_event};
use super::mailbox::{Mailbox, Message};
use super::touches::Touches;
use super::walks::Walks;
use crate::redis::commands::key::glob;
use crate::redis::keyspace::Keyspace;

/// One who listens: the connection's id and where its messages go.
#[derive(Clone)]
pub struct Listener {
    pub id: u64,
    pub mailbox: Arc<Mailbox>,
}

type Listeners = BTreeMap<u64, Arc<Mailbox>>;

#[derive(Default)]
struct Table {
    channels: HashMap<Bytes, Listeners>,
    patterns: BTreeMap<Bytes, Listeners>,
}

/// All subscriptions of a member.
pub struct Hub {
    table: RwLock<Table>,
    events: AtomicU32,
    keyspace: Arc<Keyspace>,
    pub touches: Arc<Touches>,
    pub walks: Walks,
}

impl Hub {
    pub fn new(keyspace: Arc<Keyspace>) -> Hub {
        Hub {
            table: RwLock::default(),
            events: AtomicU32::new(0),
            keyspace,
            touches: Arc::default(),
            walks: Walks::default(),
        }
    }

    pub fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    pub fn event_flags(&self) -> EventFlags {
        EventFlags::from_bits(self.events.load(Ordering::Relaxed))
    }

    pub fn set_event_flags(&self, flags: EventFlags) {
        self.events.store(flags.bits(), Ordering::Relaxed);
    }

    pub fn subscribe(&self, channel: Bytes, listener: &Listener) {
        let mut table = self.table.write();
        table
            .channels
            .entry(channel)
            .or_default()
            .insert(listener.id, listener.mailbox.clone());
    }

    pub fn unsubscribe(&self, channel: &Bytes, id: u64) {
        let mut table = self.table.write();
        if let Some(listeners) = table.channels.get_mut(channel) {
            listeners.remove(&id);
            if listeners.is_empty() {
                table.channels.remove(channel);
            }
        }
    }

    pub fn subscribe_pattern(&self, pattern: Bytes, listener: &Listener) {
        let mut table = self.table.write();
        table
            .patterns
            .entry(pattern)
            .or_default()
            .insert(listener.id, listener.mailbox.clone());
    }

    pub fn unsubscribe_pattern(&self, pattern: &Bytes, id: u64) {
        let mut table = self.table.write();
        if let Some(listeners) = table.patterns.get_mut(pattern) {
            listeners.remove(&id);
            if listeners.is_empty() {
                table.patterns.remove(pattern);
            }
        }
    }

    /// Channels that somebody listens to by name.
    pub fn channel_count(&self) -> usize {
        self.table.read().channels.len()
    }

    pub fn pattern_count(&self) -> usize {
        self.table.read().patterns.len()
    }

    /// How many would get a message on this channel, by name and by pattern.
    pub fn subscribers(&self, channel: &[u8]) -> u64 {
        let table = self.table.read();
        let by_name = table.channels.get(channel).map_or(0, BTreeMap::len);
        let matching = table
            .patterns
            .iter()
            .filter(|(pattern, _)| glob(pattern, channel, false));
        (by_name
            + matching
                .map(|(_, listeners)| listeners.len())
                .sum::<usize>()) as u64
    }

    /// Puts a message into all mailboxes concerned; how many.
    pub fn deliver(&self, channel: &Bytes, payload: &Bytes) -> u64 {
        let table = self.table.read();
        let by_name = table
            .channels
            .get(channel)
            .map(|listeners| (None, listeners));
        let fits = |(pattern, _): &(&Bytes, &Listeners)| glob(pattern, channel, false);
        let by_pattern = table.patterns.iter().filter(fits);
        let by_pattern = by_pattern.map(|(pattern, listeners)| (Some(pattern), listeners));
        let groups: Vec<(Option<&Bytes>, &Listeners)> =
            by_name.into_iter().chain(by_pattern).collect();
        let sharers = groups.iter().map(|(_, listeners)| listeners.len()).sum();
        for (pattern, listeners) in groups {
            for mailbox in listeners.values() {
                mailbox.push(Message {
                    pattern: pattern.cloned(),
                    channel: channel.clone(),
                    payload: payload.clone(),
                    sharers,
                });
            }
        }
        sharers as u64
    }

    fn tell(&self, step: &Step) {
        for (class, name) in key_events(step) {
            self.announce(&step.key, class, name);
        }
    }

    fn announce(&self, full: &Bytes, class: Class, name: &'static str) {
        let flags = self.event_flags();
        if !flags.wants(class) {
            return;
        }
        let Some((db, key)) = self.keyspace.locate(full) else {
            return;
        };
        let name = Bytes::from_static(name.as_bytes());
        if flags.keyspace() {
            let mut channel = format!("__keyspace@{db}__:").into_bytes();
            channel.extend_from_slice(&key);
            self.deliver(&channel.into(), &name);
        }
        if flags.keyevent() {
            let mut channel = format!("__keyevent@{db}__:").into_bytes();
            channel.extend_from_slice(&name);
            self.deliver(&channel.into(), &key);
        }
    }
}

impl EffectsListener for Hub {
    fn revision(&self, events: &Arc<RevisionEvents>) {
        self.walks.revision(events, &self.keyspace);
        let changed = events.events.iter();
        changed.for_each(|event| self.touches.touch(&event.kv.key));
        let swept = events.swept.iter();
        swept.for_each(|swept| self.touches.touch_swept(swept));
        if self.event_flags() == EventFlags::default() {
            return;
        }
        events.steps.iter().for_each(|step| self.tell(step));
        if events.steps.is_empty() {
            let changed = events.events.iter();
            changed.for_each(|event| self.tell(&event.step()));
        }
        // A flush, which is the usual sweep, has no names.
        let is_told = |swept: &&Swept| swept.cause != Cause::Flush && self.keyspace.touches(swept);
        for swept in events.swept.iter().filter(is_told) {
            let changed = swept.events(events.revision);
            changed.for_each(|event| self.tell(&event.step()));
        }
    }

    fn notice(&self, _after: Revision, notice: &Notice) {
        match notice {
            Notice::LifeChanged { key, persisted } => {
                self.touches.touch(key);
                let (class, name) = life_event(*persisted);
                self.announce(key, class, name);
            }
            Notice::Published { channel, payload } => {
                self.deliver(channel, payload);
            }
            Notice::Turn(_) => {}
        }
    }

    fn published(&self, channel: &Bytes, payload: &Bytes) -> u64 {
        self.deliver(channel, payload)
    }

    fn census(&self, asked: &Census) -> Vec<(Bytes, u64)> {
        let table = self.table.read();
        let count =
            |(name, listeners): (&Bytes, &Listeners)| (name.clone(), listeners.len() as u64);
        match asked {
            Census::Listeners(names) => {
                let asked: BTreeSet<&Bytes> = names.iter().collect();
                let found = asked
                    .into_iter()
                    .filter_map(|name| table.channels.get_key_value(name));
                found.map(count).collect()
            }
            Census::Channels(None) => table.channels.iter().map(count).collect(),
            Census::Channels(Some(pattern)) => {
                let fits = |(name, _): &(&Bytes, &Listeners)| glob(pattern, name, false);
                table.channels.iter().filter(fits).map(count).collect()
            }
            Census::Patterns => table.patterns.iter().map(count).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name_and_by_pattern() {
        let hub = Hub::new(Arc::new(Keyspace::new("redis/")));
        let load = Arc::<crate::listen::Load>::default();
        let listener = Listener {
            id: 1,
            mailbox: Arc::new(Mailbox::new(&load.admit().expect("the first"))),
        };
        hub.subscribe(Bytes::from("news"), &listener);
        hub.subscribe_pattern(Bytes::from("n*"), &listener);
        assert_eq!(hub.deliver(&Bytes::from("news"), &Bytes::from("x")), 2);
        assert_eq!(hub.deliver(&Bytes::from("other"), &Bytes::from("x")), 0);
        let got = listener.mailbox.take(usize::MAX).expect("not overflowed");
        assert_eq!(got[0].pattern, None);
        assert_eq!(got[1].pattern, Some(Bytes::from("n*")));
        hub.unsubscribe(&Bytes::from("news"), 1);
        assert_eq!(hub.channel_count(), 0);
        assert_eq!(hub.subscribers(b"news"), 1);
    }

    #[test]
    fn a_census_counts_each_name_once() {
        let hub = Hub::new(Arc::new(Keyspace::new("redis/")));
        let load = Arc::<crate::listen::Load>::default();
        let share = load.admit().expect("the first");
        for id in 1..=2 {
            let mailbox = Arc::new(Mailbox::new(&share));
            let listener = Listener { id, mailbox };
            hub.subscribe(Bytes::from("news"), &listener);
            hub.subscribe_pattern(Bytes::from("n*"), &listener);
        }
        let [news, other] = ["news", "other"].map(Bytes::from);
        let two = vec![(news.clone(), 2)];
        let names = vec![news.clone(), other, news];
        assert_eq!(hub.census(&Census::Listeners(names)), two);
        assert_eq!(hub.census(&Census::Channels(None)), two);
        assert_eq!(hub.census(&Census::Channels(Some("n?ws".into()))), two);
        assert_eq!(hub.census(&Census::Channels(Some("x*".into()))), []);
        assert_eq!(hub.census(&Census::Patterns), [(Bytes::from("n*"), 2)]);
    }
}
