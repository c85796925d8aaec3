//! What occurred, for the ledger: commands that succeeded, commands that were refused, options,
//! texts of errors, events.

use std::sync::LazyLock;

use regex::Regex;

use super::duo::kind_of;
use super::reply::Reply;
use super::step::Command;
use crate::cross::ledger::Ledger;

/// Words that are options of these commands.
const OPTIONS: &[(&str, &[&str])] = &[
    (
        "set",
        &["NX", "XX", "GET", "EX", "PX", "EXAT", "PXAT", "KEEPTTL"],
    ),
    ("getex", &["EX", "PX", "EXAT", "PXAT", "PERSIST"]),
    ("expire", &["NX", "XX", "GT", "LT"]),
    ("pexpire", &["NX", "XX", "GT", "LT"]),
    ("expireat", &["NX", "XX", "GT", "LT"]),
    ("pexpireat", &["NX", "XX", "GT", "LT"]),
    ("walk|scan", &["MATCH", "COUNT", "TYPE"]),
    ("walk|hscan", &["MATCH", "COUNT"]),
    ("hrandfield", &["WITHVALUES"]),
    ("hello", &["2", "3", "AUTH", "SETNAME"]),
    ("flushdb", &["SYNC", "ASYNC"]),
    ("flushall", &["SYNC", "ASYNC"]),
    ("script|flush", &["SYNC", "ASYNC"]),
    ("client|list", &["TYPE", "ID"]),
];

/// A command and what it answered; `ran` are the commands that EXEC carried out.
pub fn reply(ledger: &mut Ledger, command: &Command, ran: &[Command], reply: &Reply) {
    one(ledger, command, reply);
    let elements = reply.elements().unwrap_or_default();
    for (command, reply) in ran.iter().zip(elements) {
        one(ledger, command, reply);
    }
    for (called, reply) in command.called_in_turn().iter().zip(elements) {
        scripted(ledger, called, reply);
    }
    if let Some(called) = command.called_by_script() {
        scripted(ledger, &called, reply);
    }
}

/// A command that a script has called.
fn scripted(ledger: &mut Ledger, called: &Command, reply: &Reply) {
    if !reply.is_error() {
        ledger.count("scripted", called.name());
    }
}

fn one(ledger: &mut Ledger, command: &Command, reply: &Reply) {
    let name = command.name();
    if let Reply::Error(text) = reply {
        let text = plain(&String::from_utf8_lossy(text));
        ledger.count("error", text.trim_end());
        ledger.count("refused", name);
        return;
    }
    if reply == &Reply::Simple(b"QUEUED".to_vec()) {
        ledger.count("queued", name);
        return;
    }
    options(ledger, &name, command);
    ledger.count("command", name);
}

/// The options of a command that was taken.
pub fn options(ledger: &mut Ledger, name: &str, command: &Command) {
    let row = OPTIONS.iter().find(|(of, _)| *of == name);
    for option in row.into_iter().flat_map(|(_, options)| *options) {
        let is_it = |word: &Vec<u8>| word.eq_ignore_ascii_case(option.as_bytes());
        if command.0.iter().skip(1).any(is_it) {
            ledger.count("option", format!("{name} {option}"));
        }
    }
}

/// A pushed message; keyspace events by their names.
pub fn event(ledger: &mut Ledger, message: &Reply) {
    ledger.count("push", String::from_utf8_lossy(kind_of(message)));
    let elements = message.elements().unwrap_or_default();
    let texts: Vec<&[u8]> = elements.iter().filter_map(Reply::text).collect();
    if let [.., channel, payload] = texts.as_slice() {
        let channel = String::from_utf8_lossy(channel);
        if channel.starts_with("__keyspace@") {
            ledger.count("event", String::from_utf8_lossy(payload));
        } else if let Some((_, name)) = channel.split_once("__keyevent@0__:") {
            ledger.count("event", name);
        }
    }
}

/// A text of an error without what was quoted in it.
fn plain(text: &str) -> String {
    static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"'.*'|`[^`]*`|[0-9a-f]{40}").expect("a pattern that compiles")
    });
    QUOTED.replace_all(text, "…").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_left_out_of_an_error() {
        let text = "ERR unknown command 'x', with args beginning with: 'a' ";
        assert_eq!(plain(text), "ERR unknown command … ");
    }

    #[test]
    fn only_what_was_taken_counts_as_an_option() {
        let mut ledger = Ledger::default();
        let command = Command::of(&["set", "k", "v", "nx"]);
        reply(&mut ledger, &command, &[], &Reply::NullBulk);
        reply(
            &mut ledger,
            &command,
            &[],
            &Reply::Error(b"ERR no".to_vec()),
        );
        assert_eq!(
            ledger.missing("option set NX\ncommand set\nrefused set"),
            [""; 0]
        );
        assert_eq!(ledger.total("option"), 1);
    }
}
