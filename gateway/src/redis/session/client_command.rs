//! CLIENT and its subcommands. Those that are not here answer as Redis answers unknown ones.

use bytes::Bytes;

use super::hello::check_name;
use super::state::{ReplyMode, Session};
use crate::redis::client::{Client, Facts};
use crate::redis::fault::Fault;
use crate::redis::number::parse_i64;
use crate::redis::reply::Reply;

impl Session {
    /// None: no reply at all (CLIENT REPLY).
    pub fn client_command(&mut self, args: &[Bytes]) -> Option<Reply> {
        let verb = args
            .get(1)
            .map(|verb| verb.to_ascii_lowercase())
            .unwrap_or_default();
        let rest = args.get(2..).unwrap_or_default();
        let answer = match (verb.as_slice(), rest) {
            (b"reply", [mode]) => return self.client_reply(mode),
            (b"setname", [name]) => self.set_name(name),
            (b"getname", []) => Ok(named(self.client.facts.lock().name.clone())),
            (b"id", []) => Ok(Reply::Integer(self.client.id as i64)),
            (b"info", []) => Ok(Reply::Verbatim(self.own_line())),
            (b"list", options) => self.client_list(options),
            (b"setinfo", [attribute, value]) => self.set_info(attribute, value),
            (b"no-evict", [mode]) => self.switch(mode, |facts, on| facts.no_evict = on),
            (b"no-touch", [mode]) => self.switch(mode, |facts, on| facts.no_touch = on),
            (b"help", []) => Ok(help()),
            (known, _) if KNOWN.contains(&known) => {
                let name = String::from_utf8_lossy(known);
                Err(Fault::arity(&format!("client|{name}")))
            }
            _ => Err(Fault::unknown_subcommand("client", &args[1])),
        };
        Some(answer.into())
    }

    /// The name that others see.
    pub fn set_name(&mut self, name: &[u8]) -> Result<Reply, Fault> {
        check_name(name)?;
        self.tell(name, |facts| &mut facts.name)
    }

    /// Copies what a client tells of itself: a part of its request would keep all of it.
    fn tell(&mut self, text: &[u8], fact: fn(&mut Facts) -> &mut Bytes) -> Result<Reply, Fault> {
        let client = self.client.clone();
        let mut facts = client.facts.lock();
        let fact = fact(&mut facts);
        self.keep(fact.len(), text.len())?;
        *fact = Bytes::copy_from_slice(text);
        Ok(Reply::OK)
    }

    fn set_info(&mut self, attribute: &[u8], value: &Bytes) -> Result<Reply, Fault> {
        let lower = attribute.to_ascii_lowercase();
        let text = String::from_utf8_lossy(attribute).into_owned();
        if check_name(value).is_err() {
            let what = "cannot contain spaces, newlines or special characters.";
            return Err(Fault::new(format!("ERR {text} {what}")));
        }
        match lower.as_slice() {
            b"lib-name" => self.tell(value, |facts| &mut facts.lib_name),
            b"lib-ver" => self.tell(value, |facts| &mut facts.lib_version),
            _ => Err(Fault::new(format!("ERR Unrecognized option '{text}'"))),
        }
    }

    fn switch(&mut self, mode: &[u8], set: impl FnOnce(&mut Facts, bool)) -> Result<Reply, Fault> {
        let on = match mode.to_ascii_lowercase().as_slice() {
            b"on" => true,
            b"off" => false,
            _ => return Err(Fault::SYNTAX),
        };
        set(&mut self.client.facts.lock(), on);
        Ok(Reply::OK)
    }

    fn client_reply(&mut self, mode: &[u8]) -> Option<Reply> {
        match mode.to_ascii_lowercase().as_slice() {
            b"on" => {
                self.reply_mode = ReplyMode::On;
                Some(Reply::OK)
            }
            b"off" => {
                self.reply_mode = ReplyMode::Off;
                None
            }
            b"skip" => {
                if self.reply_mode != ReplyMode::Off {
                    self.reply_mode = ReplyMode::SkipNext;
                }
                None
            }
            _ => Some(Reply::Error(Fault::SYNTAX)),
        }
    }

    /// CLIENT LIST [TYPE type] [ID id...].
    fn client_list(&self, options: &[Bytes]) -> Result<Reply, Fault> {
        let mut clients: Vec<_> = self
            .context
            .clients
            .iter()
            .map(|entry| entry.value().clone())
            .collect();
        clients.sort_by_key(|client| client.id);
        let wanted: Box<dyn Fn(&Client) -> bool> = match options {
            [] => Box::new(|_| true),
            [word, kind] if word.eq_ignore_ascii_case(b"type") => by_type(kind)?,
            [word, ids @ ..] if word.eq_ignore_ascii_case(b"id") && !ids.is_empty() => by_id(ids)?,
            _ => return Err(Fault::SYNTAX),
        };
        self.publish_facts("client|list");
        let mut text = Vec::new();
        for client in clients.iter().filter(|client| wanted(client)) {
            text.extend_from_slice(&client.line());
            text.push(b'\n');
        }
        Ok(Reply::Verbatim(text.into()))
    }

    fn own_line(&self) -> Bytes {
        self.publish_facts("client|info");
        let mut line = self.client.line();
        line.push(b'\n');
        line.into()
    }
}

const KNOWN: [&[u8]; 10] = [
    b"reply",
    b"setname",
    b"getname",
    b"id",
    b"info",
    b"setinfo",
    b"no-evict",
    b"no-touch",
    b"help",
    b"list",
];

fn named(name: Bytes) -> Reply {
    Reply::maybe(Some(name).filter(|name| !name.is_empty()))
}

type Filter = Box<dyn Fn(&Client) -> bool>;

fn by_type(kind: &[u8]) -> Result<Filter, Fault> {
    match kind.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(Box::new(|client: &Client| !client.is_pubsub())),
        b"pubsub" => Ok(Box::new(Client::is_pubsub)),
        b"master" | b"replica" | b"slave" => Ok(Box::new(|_: &Client| false)),
        _ => {
            let kind = String::from_utf8_lossy(kind);
            Err(Fault::new(format!("ERR Unknown client type '{kind}'")))
        }
    }
}

fn by_id(ids: &[Bytes]) -> Result<Filter, Fault> {
    let ids: Option<Vec<i64>> = ids.iter().map(|id| parse_i64(id)).collect();
    let ids = ids.ok_or(Fault::fixed("ERR Invalid client ID"))?;
    Ok(Box::new(move |client: &Client| {
        ids.iter().any(|id| u64::try_from(*id) == Ok(client.id))
    }))
}

fn help() -> Reply {
    let lines = [
        "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "GETNAME, ID, INFO, LIST [TYPE type | ID id ...], NO-EVICT on|off, NO-TOUCH on|off,",
        "REPLY on|off|skip, SETINFO lib-name|lib-ver value, SETNAME name, HELP.",
    ];
    Reply::Array(lines.map(Reply::status).to_vec())
}
