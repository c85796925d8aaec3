//! What scripts may call: each command of Quorate's, and each subcommand, is called by a script on
//! both servers, with none and with several arguments; both carry it out, or refuse it alike.

use super::connection::Connection;
use super::reply::Reply;
use super::side::PATIENCE;

const SUBCOMMANDS: [(&str, &[&str]); 5] = [
    (
        "client",
        &[
            "getname", "id", "info", "list", "no-evict", "reply", "setname", "nosuch",
        ],
    ),
    (
        "command",
        &["count", "docs", "getkeys", "info", "list", "nosuch"],
    ),
    ("config", &["get", "set", "resetstat", "rewrite", "nosuch"]),
    ("pubsub", &["channels", "numsub", "numpat", "nosuch"]),
    ("script", &["exists", "flush", "kill", "load", "nosuch"]),
];
const ARGUMENTS_MAX: usize = 4;
const CALL: &str = "return redis.pcall(unpack(ARGV))";

/// How scripts are told that a command is not carried out.
const REFUSALS: [&str; 4] = [
    "ERR Unknown Redis command called from script",
    "ERR Wrong number of args calling Redis command from script",
    "ERR This Redis command is not allowed from script",
    "ERR Write commands are not allowed from read-only scripts.",
];

/// The calls that one server refuses otherwise than the other, or not at all.
///
/// # Errors
/// A server can't be reached, or tells no commands.
pub fn differing(theirs: &str, ours: &str) -> Result<Vec<String>, String> {
    let (mut theirs, mut ours) = (Connection::open(theirs)?, Connection::open(ours)?);
    let mut found = Vec::new();
    for call in calls(&mut theirs, &mut ours)? {
        for eval in ["EVAL", "EVAL_RO"] {
            let mut words = vec![eval, CALL, "0"];
            words.extend(call.iter().map(String::as_str));
            let told = |server: &mut Connection| server.ask(&words, PATIENCE).map(refusal);
            let (theirs, ours) = (told(&mut theirs)?, told(&mut ours)?);
            if theirs != ours {
                found.push(format!(
                    "{eval} {call:?}\n  redis  {theirs:?}\n  ours   {ours:?}"
                ));
            }
        }
    }
    Ok(found)
}

fn refusal(reply: Reply) -> Option<String> {
    let told = reply.text().filter(|_| reply.is_error())?;
    let told = String::from_utf8_lossy(told).into_owned();
    REFUSALS.contains(&told.as_str()).then_some(told)
}

/// Of what the real server does not have there is nothing to compare.
fn calls(theirs: &mut Connection, ours: &mut Connection) -> Result<Vec<Vec<String>>, String> {
    let names = ours.ask(&["COMMAND", "LIST"], PATIENCE)?;
    let names = names.elements().ok_or("COMMAND LIST tells names")?;
    let mut calls = Vec::new();
    for name in names.iter().filter_map(Reply::text) {
        let name = String::from_utf8_lossy(name).into_owned();
        let info = theirs.ask(&["COMMAND", "INFO", &name], PATIENCE)?;
        if info
            .elements()
            .is_none_or(|rows| rows[0].elements().is_none())
        {
            continue;
        }
        let of_container = SUBCOMMANDS
            .iter()
            .filter(|(container, _)| *container == name);
        let subcommands = of_container
            .flat_map(|(_, all)| *all)
            .map(|word| vec![*word]);
        for words in std::iter::once(vec![]).chain(subcommands) {
            for count in 0..=ARGUMENTS_MAX {
                let words = words.iter().copied().chain(std::iter::repeat_n("1", count));
                let call = std::iter::once(name.as_str()).chain(words);
                calls.push(call.map(str::to_owned).collect());
            }
        }
    }
    calls.push(vec!["nosuch".to_owned()]);
    Ok(calls)
}
