//! CONFIG GET of what clients ask for, CONFIG SET of what can be set here: the keyspace
//! notifications of this member.

use bytes::Bytes;

use super::state::Session;
use crate::listen::CONNECTIONS_MAX;
use crate::redis::commands::key::glob;
use crate::redis::fault::Fault;
use crate::redis::keyspace::DATABASES;
use crate::redis::pubsub::EventFlags;
use crate::redis::reply::Reply;

const EVENTS: &str = "notify-keyspace-events";

impl Session {
    pub fn config(&mut self, args: &[Bytes]) -> Reply {
        let verb = args
            .get(1)
            .map(|verb| verb.to_ascii_lowercase())
            .unwrap_or_default();
        let rest = args.get(2..).unwrap_or_default();
        match verb.as_slice() {
            b"get" if !rest.is_empty() => self.config_get(rest),
            b"set" if rest.len() >= 2 && rest.len().is_multiple_of(2) => self.config_set(rest),
            b"set" if rest.len() > 2 => Reply::Error(Fault::SYNTAX),
            b"resetstat" if rest.is_empty() => Reply::OK,
            b"rewrite" if rest.is_empty() => Reply::Error(Fault::fixed(
                "ERR The server is running without a config file",
            )),
            b"get" | b"set" | b"resetstat" | b"rewrite" => {
                let name = String::from_utf8_lossy(&verb).into_owned();
                Reply::Error(Fault::arity(&format!("config|{name}")))
            }
            _ => Reply::Error(Fault::unknown_subcommand("config", &args[1])),
        }
    }

    fn config_get(&self, patterns: &[Bytes]) -> Reply {
        let settings = self.settings();
        // A name that is no pattern is told as it was asked for.
        let pair = |(name, value): (&str, String)| {
            let exact = patterns
                .iter()
                .find(|p| p.eq_ignore_ascii_case(name.as_bytes()));
            let fits = || patterns.iter().any(|p| glob(p, name.as_bytes(), true));
            let told = match exact {
                Some(given) => Reply::Bulk(given.clone()),
                None if fits() => Reply::text(name),
                None => return None,
            };
            Some((told, Reply::text(value)))
        };
        Reply::Map(settings.into_iter().filter_map(pair).collect())
    }

    /// All or nothing: names are judged first, then values, then all is set.
    fn config_set(&mut self, pairs: &[Bytes]) -> Reply {
        let known = self.settings();
        let mut names: Vec<String> = Vec::new();
        for pair in pairs.chunks(2) {
            let name = String::from_utf8_lossy(&pair[0]).to_ascii_lowercase();
            if !known.iter().any(|(known, _)| *known == name) {
                let text = "Unknown option or number of arguments for CONFIG SET";
                return Reply::Error(Fault::new(format!("ERR {text} - '{name}'")));
            }
            if names.contains(&name) {
                return failed(&name, "duplicate parameter");
            }
            names.push(name);
        }
        let mut flags = None;
        for (name, pair) in names.iter().zip(pairs.chunks(2)) {
            let now = known.iter().find(|(known, _)| known == name);
            if name == EVENTS {
                flags = EventFlags::parse(&pair[1]);
                if flags.is_none() {
                    let problem = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
                    return failed(name, problem);
                }
            } else if now.is_none_or(|(_, now)| now.as_bytes() != pair[1]) {
                return failed(name, "can't set immutable config");
            }
        }
        if let Some(flags) = flags {
            self.context.hub.set_event_flags(flags);
        }
        Reply::OK
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let options = &self.context.options;
        vec![
            ("appendfsync", "always".into()),
            ("appendonly", "yes".into()),
            ("cluster-enabled", "no".into()),
            ("databases", DATABASES.to_string()),
            ("maxclients", CONNECTIONS_MAX.to_string()),
            ("maxmemory", "0".into()),
            ("maxmemory-policy", "noeviction".into()),
            (EVENTS, self.context.hub.event_flags().print()),
            ("port", options.port.to_string()),
            ("proto-max-bulk-len", "536870912".into()),
            ("replica-read-only", "yes".into()),
            ("save", String::new()),
            ("slave-read-only", "yes".into()),
            ("tcp-keepalive", "300".into()),
            ("timeout", "0".into()),
        ]
    }
}

fn failed(name: &str, problem: &str) -> Reply {
    let text = format!("ERR CONFIG SET failed (possibly related to argument '{name}')");
    Reply::Error(Fault::new(format!("{text} - {problem}")))
}
