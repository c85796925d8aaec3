//! Keyspace notifications: which are wanted (`notify-keyspace-events`) and what they are called.

use quorate_core::outcome::{Cause, Step};

/// The classes a member was told to announce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventFlags(u32);

/// Letters of Redis 7.0 in the order in which CONFIG GET prints them; `A` stands for the first
/// ten.
const LETTERS: &[u8] = b"g$lshzxetdnKEm";
const ALL: u32 = 0b11_1111_1111;
const KEYSPACE: u32 = 1 << 11;
const KEYEVENT: u32 = 1 << 12;

/// The class of an event, as its letter.
pub type Class = u8;

impl EventFlags {
    /// None for a letter that doesn't exist.
    pub fn parse(text: &[u8]) -> Option<EventFlags> {
        let mut flags = 0;
        for letter in text {
            flags |= match letter {
                b'A' => ALL,
                other => 1 << LETTERS.iter().position(|known| known == other)?,
            };
        }
        Some(EventFlags(flags))
    }

    pub fn from_bits(bits: u32) -> EventFlags {
        EventFlags(bits)
    }

    pub fn bits(self) -> u32 {
        self.0
    }

    /// As Redis 7.0 prints them: `A` hides all classes, also `n`, which it does not stand for.
    pub fn print(self) -> String {
        let (classes, others) = LETTERS.split_at(LETTERS.len() - 3);
        let mut text = String::new();
        if self.0 & ALL == ALL {
            text.push('A');
        } else {
            text.extend(self.letters(classes, 0));
        }
        text.extend(self.letters(others, classes.len()));
        text
    }

    /// Those of `letters`, which begin at bit `first`, that are set.
    fn letters(self, letters: &[u8], first: usize) -> impl Iterator<Item = char> {
        let set = move |(at, _): &(usize, &u8)| self.0 & 1 << (first + at) != 0;
        letters
            .iter()
            .enumerate()
            .filter(set)
            .map(|(_, letter)| char::from(*letter))
    }

    pub fn keyspace(self) -> bool {
        self.0 & KEYSPACE != 0
    }

    pub fn keyevent(self) -> bool {
        self.0 & KEYEVENT != 0
    }

    /// Whether a class is announced at all.
    pub fn wants(self, class: Class) -> bool {
        let bit = LETTERS
            .iter()
            .position(|letter| *letter == class)
            .map_or(0, |at| 1 << at);
        (self.keyspace() || self.keyevent()) && self.0 & bit != 0
    }
}

/// What a change of a key is called, in order. A write that gives the key a deadline is followed
/// by `expire`, a hash change that empties it by `del`.
pub fn key_events(step: &Step) -> Vec<(Class, &'static str)> {
    let mut events = Vec::new();
    if step.is_new {
        events.push((b'n', "new"));
    }
    events.extend(caused(step));
    events
}

fn caused(step: &Step) -> Vec<(Class, &'static str)> {
    let typed = |name: &'static str, class: Class| {
        let mut events = vec![(class, name)];
        if step.is_delete {
            events.push((b'g', "del"));
        }
        events
    };
    match step.cause {
        Cause::Put => put_events(step),
        Cause::Delete => vec![(b'g', "del")],
        Cause::Expired => vec![(b'x', "expired")],
        Cause::Add => vec![(b'$', "incrby")],
        Cause::Append => vec![(b'$', "append")],
        Cause::HashSet => typed("hset", b'h'),
        Cause::HashDelete => typed("hdel", b'h'),
        Cause::HashAdd => typed("hincrby", b'h'),
        Cause::PutWithLife => [put_events(step), vec![(b'g', "expire")]].concat(),
        Cause::AddFloat => vec![(b'$', "incrbyfloat")],
        Cause::SetRange => vec![(b'$', "setrange")],
        Cause::HashAddFloat => vec![(b'h', "hincrbyfloat")],
        Cause::RenameFrom => vec![(b'g', "rename_from")],
        Cause::RenameTo => vec![(b'g', "rename_to")],
        Cause::Flush => vec![],
    }
}

fn put_events(step: &Step) -> Vec<(Class, &'static str)> {
    match step.is_typed {
        false => vec![(b'$', "set")],
        true => vec![(b'g', "restore")],
    }
}

/// What a change of a key's life is called.
pub fn life_event(persisted: bool) -> (Class, &'static str) {
    (b'g', if persisted { "persist" } else { "expire" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_print_as_redis_prints_them() {
        let print = |text: &[u8]| EventFlags::parse(text).map(EventFlags::print);
        assert_eq!(print(b"KEA").as_deref(), Some("AKE"));
        assert_eq!(print(b"Ex").as_deref(), Some("xE"));
        assert_eq!(print(b"KEn").as_deref(), Some("nKE"));
        assert_eq!(print(b"KAmn").as_deref(), Some("AKm"));
        assert_eq!(print(b"").as_deref(), Some(""));
        assert_eq!(print(b"Q"), None);
        let flags = EventFlags::parse(b"Kg").expect("known letters");
        assert!(flags.wants(b'g') && !flags.wants(b'x') && !flags.keyevent());
    }
}
