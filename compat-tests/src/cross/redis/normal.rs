//! What two equally right servers may answer differently, and nothing else. A row names commands,
//! what about their replies is set aside, and why; everything else is compared to the byte.

use super::connection::Frame;
use super::reply::Reply;
use super::step::Command;

/// What is set aside.
enum How {
    /// Numbers above zero that differ by at most this are equal.
    Within(i64),
    /// As `Within`, for two elements: seconds, and microseconds that are left out.
    Clock(i64),
    /// The order of the elements.
    Order,
    /// The order of the pairs; a flat array in RESP2.
    PairOrder,
    /// The order of what is on a page of SCAN or HSCAN, in ones or in pairs.
    Page(usize),
    /// All of a page that begins or ends at a cursor that is not 0.
    ForeignPage,
    /// Which elements were chosen; their number and kinds stay.
    Choice,
    /// The integer or text after each of these names.
    Values(&'static [&'static str]),
    /// In lines of `field=value`: the values of these fields.
    Fields(&'static [&'static str]),
    /// In lines of `field=value`: these fields, which the real server may lack.
    Newer(&'static [&'static str]),
    /// Whole lines but those that begin with one of these; a `:` line's value stays.
    OnlyLines(&'static [&'static str]),
    /// The number itself.
    Number,
}

struct Row {
    /// As `Command::name` says them.
    commands: &'static [&'static str],
    how: How,
    #[expect(dead_code, reason = "for the reader")]
    why: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        commands: &["ttl"],
        how: How::Within(2),
        why: "seconds left: the two servers were told at different instants",
    },
    Row {
        commands: &["pttl"],
        how: How::Within(2_000),
        why: "milliseconds left: the two servers were told at different instants",
    },
    Row {
        commands: &["expiretime"],
        how: How::Within(2),
        why: "the instant of telling and a life: told at different instants",
    },
    Row {
        commands: &["pexpiretime"],
        how: How::Within(2_000),
        why: "the instant of telling and a life: told at different instants",
    },
    Row {
        commands: &["time"],
        how: How::Clock(5),
        why: "the time of day passes between the two",
    },
    Row {
        commands: &["keys", "pubsub|channels", "command|list", "hkeys", "hvals"],
        how: How::Order,
        why: "Redis promises no order: it is that of its hash table",
    },
    Row {
        commands: &["hgetall", "config|get"],
        how: How::PairOrder,
        why: "Redis promises no order: it is that of its hash table",
    },
    Row {
        commands: &["scan"],
        how: How::Page(1),
        why: "Redis promises no order: it is that of its hash table",
    },
    Row {
        commands: &["scan"],
        how: How::ForeignPage,
        why: "what a cursor means and a page holds is the server's own; whole walks are compared",
    },
    Row {
        commands: &["hscan"],
        how: How::Page(2),
        why: "Redis promises no order: it is that of its hash table",
    },
    Row {
        commands: &["randomkey", "hrandfield"],
        how: How::Choice,
        why: "what is chosen by chance differs",
    },
    Row {
        commands: &["hello"],
        how: How::Values(&["id", "version"]),
        why: "ids are the server's own; the version that Quorate tells is documented",
    },
    Row {
        commands: &["client|id"],
        how: How::Number,
        why: "ids are the server's own",
    },
    Row {
        commands: &["client|info", "client|list"],
        how: How::Fields(&[
            "id",
            "addr",
            "laddr",
            "fd",
            "age",
            "idle",
            "qbuf",
            "qbuf-free",
            "argv-mem",
            "obl",
            "oll",
            "omem",
            "tot-mem",
            "rbs",
            "rbp",
            "multi-mem",
            "events",
        ]),
        why: "ids, addresses, times and sizes of buffers are the server's own",
    },
    Row {
        commands: &["client|info", "client|list"],
        how: How::Newer(&["lib-name", "lib-ver"]),
        why: "CLIENT SETINFO is newer than the server compared with; documented",
    },
    Row {
        commands: &["info"],
        how: How::OnlyLines(&[
            "redis_mode:",
            "loading:",
            "role:",
            "connected_slaves:",
            "cluster_enabled:",
            "maxmemory_policy:",
            "aof_enabled:",
            "blocked_clients:",
            "# Server",
            "# Clients",
            "# Memory",
            "# Persistence",
            "# Stats",
            "# Replication",
            "# Cluster",
            "# Keyspace",
        ]),
        why: "INFO describes the server: what clients decide by is compared, measurements are not",
    },
];

/// Takes out of both replies to `command` what may differ.
pub fn settle(command: &Command, theirs: &mut Reply, ours: &mut Reply) {
    let name = command.name();
    let rows = ROWS
        .iter()
        .filter(|row| row.commands.contains(&name.as_str()));
    for row in rows {
        match row.how {
            How::ForeignPage => foreign_page(command, theirs, ours),
            _ => row.how.settle(theirs, ours),
        }
    }
}

/// UNSUBSCRIBE and PUNSUBSCRIBE of everything: the order in which the names are told is that of a
/// hash table; the counts are not set aside.
pub fn settle_names(command: &Command, theirs: &[Frame], ours: &mut [Frame]) {
    let all = ["unsubscribe", "punsubscribe"].contains(&command.name().as_str());
    if !all || command.0.len() > 1 || names(theirs) != names(ours) {
        return;
    }
    for (theirs, ours) in theirs.iter().zip(ours) {
        if let (Some(name), Some(place)) = (name_of(theirs), name_in(ours)) {
            place.clone_from(name);
        }
    }
}

fn names(frames: &[Frame]) -> Vec<&Reply> {
    let mut names: Vec<&Reply> = frames.iter().filter_map(name_of).collect();
    names.sort();
    names
}

fn name_of(frame: &Frame) -> Option<&Reply> {
    match frame {
        Frame::Reply(Reply::Array(all) | Reply::Push(all)) => all.get(1),
        _ => None,
    }
}

fn name_in(frame: &mut Frame) -> Option<&mut Reply> {
    match frame {
        Frame::Reply(Reply::Array(all) | Reply::Push(all)) => all.get_mut(1),
        _ => None,
    }
}

impl How {
    fn settle(&self, theirs: &mut Reply, ours: &mut Reply) {
        match self {
            Self::Within(limit) => within(*limit, theirs, ours),
            Self::Clock(limit) => clock(*limit, theirs, ours),
            Self::Choice => chosen_alike(theirs, ours),
            Self::Number => [theirs, ours].into_iter().for_each(blank),
            Self::Order => [theirs, ours].into_iter().for_each(sort),
            Self::PairOrder => [theirs, ours].into_iter().for_each(sort_pairs),
            Self::ForeignPage => {}
            Self::Page(size) => [theirs, ours]
                .into_iter()
                .for_each(|reply| page(*size, reply)),
            Self::Values(names) => {
                [theirs, ours]
                    .into_iter()
                    .for_each(|reply| blank_values(names, reply));
            }
            Self::Fields(names) => {
                [theirs, ours]
                    .into_iter()
                    .for_each(|reply| edit(reply, |t| fields(names, t)));
            }
            Self::Newer(names) => edit(ours, |text| without_fields(names, text)),
            Self::OnlyLines(starts) => {
                [theirs, ours]
                    .into_iter()
                    .for_each(|reply| edit(reply, |t| lines(starts, t)));
            }
        }
    }
}

fn within(limit: i64, theirs: &Reply, ours: &mut Reply) {
    let (Reply::Integer(a), Reply::Integer(b)) = (theirs, &*ours) else {
        return;
    };
    if *a > 0 && *b > 0 && a.abs_diff(*b) <= limit.unsigned_abs() {
        *ours = theirs.clone();
    }
}

fn clock(limit: i64, theirs: &Reply, ours: &mut Reply) {
    let parts = |reply: &Reply| -> Option<[i64; 2]> {
        let [seconds, micros] = reply.elements()? else {
            return None;
        };
        let number = |part: &Reply| String::from_utf8_lossy(part.text()?).parse().ok();
        Some([number(seconds)?, number(micros)?])
    };
    if let (Some([a, _]), Some([b, micros])) = (parts(theirs), parts(ours))
        && a.abs_diff(b) <= limit.unsigned_abs()
        && (0..1_000_000).contains(&micros)
    {
        *ours = theirs.clone();
    }
}

/// Two choices of the same number of things of the same kinds are equal.
fn chosen_alike(theirs: &Reply, ours: &mut Reply) {
    let alike = match (theirs, &*ours) {
        (Reply::Bulk(_), Reply::Bulk(_)) => true,
        _ => match (theirs.elements(), ours.elements()) {
            (Some(a), Some(b)) => a.len() == b.len() && shapes(a) == shapes(b),
            _ => false,
        },
    };
    if alike {
        *ours = theirs.clone();
    }
}

fn shapes(all: &[Reply]) -> Vec<(std::mem::Discriminant<Reply>, usize)> {
    let shape = |one: &Reply| {
        let count = one.elements().map_or(0, <[Reply]>::len);
        (std::mem::discriminant(one), count)
    };
    all.iter().map(shape).collect()
}

fn blank(reply: &mut Reply) {
    if matches!(reply, Reply::Integer(1..)) {
        *reply = Reply::Integer(0);
    }
}

fn sort(reply: &mut Reply) {
    if let Reply::Array(all) | Reply::Set(all) = reply {
        all.sort();
    }
}

fn sort_pairs(reply: &mut Reply) {
    match reply {
        Reply::Map(pairs) => pairs.sort(),
        Reply::Array(all) if all.len().is_multiple_of(2) => {
            let mut pairs: Vec<Vec<Reply>> = all.chunks(2).map(<[Reply]>::to_vec).collect();
            pairs.sort();
            *all = pairs.concat();
        }
        _ => {}
    }
}

fn page(size: usize, reply: &mut Reply) {
    if let Reply::Array(parts) = reply
        && let [_, page] = parts.as_mut_slice()
    {
        if size == 2 {
            sort_pairs(page)
        } else {
            sort(page)
        }
    }
}

fn foreign_page(command: &Command, theirs: &Reply, ours: &mut Reply) {
    let cursor = |reply: &Reply| match reply.elements() {
        Some([Reply::Bulk(cursor), Reply::Array(_)]) => Some(cursor.clone()),
        _ => None,
    };
    let (Some(end), Some(other_end)) = (cursor(theirs), cursor(ours)) else {
        return;
    };
    let start = command.0.get(1).map_or(&[][..], Vec::as_slice);
    let is_edge = |cursor: &&[u8]| cursor.iter().all(|byte| *byte == b'0');
    if ![start, &end, &other_end].iter().all(is_edge) {
        *ours = theirs.clone();
    }
}

fn blank_values(names: &[&str], reply: &mut Reply) {
    let is_named = |name: &Reply| {
        let text = name.text().unwrap_or_default();
        names.iter().any(|wanted| wanted.as_bytes() == text)
    };
    let blank = |value: &mut Reply| match value {
        Reply::Integer(number) => *number = 0,
        Reply::Bulk(text) => *text = b"SET ASIDE".to_vec(),
        _ => {}
    };
    match reply {
        Reply::Map(pairs) => {
            let wanted = pairs.iter_mut().filter(|(name, _)| is_named(name));
            wanted.for_each(|(_, value)| blank(value));
        }
        Reply::Array(all) => {
            for pair in all.chunks_exact_mut(2) {
                if is_named(&pair[0]) {
                    blank(&mut pair[1]);
                }
            }
        }
        _ => {}
    }
}

fn edit(reply: &mut Reply, change: impl Fn(&str) -> String) {
    if let Reply::Bulk(text) | Reply::Verbatim(text) = reply {
        *text = change(&String::from_utf8_lossy(text)).into_bytes();
    }
}

/// `a=1 b=2` with the values of `names` left out.
fn fields(names: &[&str], text: &str) -> String {
    let word = |word: &str| match word.split_once('=') {
        // In RESP3 the text begins with its format.
        Some((name, _)) if names.contains(&name.trim_start_matches("txt:")) => {
            format!("{name}=")
        }
        _ => word.to_owned(),
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// `a=1 b=2` without the fields of `names`.
fn without_fields(names: &[&str], text: &str) -> String {
    let is_named = |word: &str| {
        word.split_once('=')
            .is_some_and(|(name, _)| names.contains(&name))
    };
    let line = |line: &str| {
        let kept: Vec<&str> = line.split(' ').filter(|word| !is_named(word)).collect();
        kept.join(" ")
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn lines(starts: &[&str], text: &str) -> String {
    let wanted = |line: &&str| starts.iter().any(|start| line.starts_with(start));
    text.lines().filter(wanted).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(command: &[&str], theirs: &Reply, ours: &Reply) -> bool {
        let (mut theirs, mut ours) = (theirs.clone(), ours.clone());
        settle(&Command::of(command), &mut theirs, &mut ours);
        theirs == ours
    }

    #[test]
    fn lives_may_differ_a_little_and_signs_not_at_all() {
        let integer = Reply::Integer;
        assert!(settled(&["TTL", "k"], &integer(100), &integer(99)));
        assert!(!settled(&["TTL", "k"], &integer(100), &integer(90)));
        assert!(!settled(&["TTL", "k"], &integer(1), &integer(-1)));
        assert!(!settled(&["INCR", "k"], &integer(100), &integer(99)));
    }

    #[test]
    fn order_is_set_aside_only_where_there_is_none() {
        let array = |words: &[&str]| Reply::Array(words.iter().map(|w| Reply::bulk(w)).collect());
        assert!(settled(
            &["KEYS", "*"],
            &array(&["a", "b"]),
            &array(&["b", "a"])
        ));
        assert!(!settled(
            &["KEYS", "*"],
            &array(&["a", "b"]),
            &array(&["b", "b"])
        ));
        assert!(!settled(
            &["MGET", "a", "b"],
            &array(&["a", "b"]),
            &array(&["b", "a"])
        ));
        let pairs = [array(&["a", "1", "b", "2"]), array(&["b", "2", "a", "1"])];
        assert!(settled(&["HGETALL", "h"], &pairs[0], &pairs[1]));
        assert!(!settled(
            &["HGETALL", "h"],
            &pairs[0],
            &array(&["a", "2", "b", "1"])
        ));
    }

    #[test]
    fn only_named_values_are_set_aside() {
        let reply = |id: &str, name: &str| {
            let line = format!("id={id} name={name}\n");
            Reply::Bulk(line.into_bytes())
        };
        assert!(settled(
            &["CLIENT", "INFO"],
            &reply("3", "a"),
            &reply("4", "a")
        ));
        assert!(!settled(
            &["CLIENT", "INFO"],
            &reply("3", "a"),
            &reply("3", "b")
        ));
        let hello = |id: i64, proto: i64| {
            let pair = |name: &str, number: i64| (Reply::bulk(name), Reply::Integer(number));
            Reply::Map(vec![pair("id", id), pair("proto", proto)])
        };
        assert!(settled(&["HELLO"], &hello(1, 3), &hello(2, 3)));
        assert!(!settled(&["HELLO"], &hello(1, 3), &hello(1, 2)));
    }
}
