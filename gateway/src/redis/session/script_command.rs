//! SCRIPT: the cache of scripts, which is replicated, so that EVALSHA works through any member
//! and after a failover.

use bytes::Bytes;
use quorate_core::command::{Command, ScriptCommand};

use super::state::Session;
use crate::redis::commands::script::flushes;
use crate::redis::fault::Fault;
use crate::redis::program::Failure;
use crate::redis::program::lua::{self, Script};
use crate::redis::reply::Reply;

const HELP: [&str; 11] = [
    "SCRIPT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "EXISTS <sha1> [<sha1> ...]",
    "    Tell which of the scripts are in the cache.",
    "FLUSH [ASYNC|SYNC]",
    "    Empty the cache, on all members.",
    "KILL",
    "    End the scripts that run on this member for long; they have no effect.",
    "LOAD <script>",
    "    Put a script into the cache without running it.",
    "HELP",
    "    Print this help.",
];

impl Session {
    pub async fn script_command(&mut self, args: &[Bytes]) -> Reply {
        let verb = args.get(1).map(|verb| verb.to_ascii_lowercase());
        let verb = verb.unwrap_or_default();
        let rest = args.get(2..).unwrap_or_default();
        match (verb.as_slice(), rest) {
            (b"load", [body]) => self.script_load(body.clone()).await,
            (b"exists", names @ [_, ..]) => self.script_exists(names).await,
            (b"flush", modes) => self.script_flush(modes).await,
            (b"kill", []) => kill(),
            (b"help", []) => Reply::Array(HELP.map(Reply::status).to_vec()),
            (b"load" | b"exists" | b"kill" | b"help", _) => {
                let verb = String::from_utf8_lossy(&verb);
                Reply::Error(Fault::arity(&format!("script|{verb}")))
            }
            _ => Reply::Error(Fault::unknown_subcommand(
                "script",
                args.get(1).map(Bytes::as_ref).unwrap_or_default(),
            )),
        }
    }

    async fn script_load(&mut self, body: Bytes) -> Reply {
        let script = Script::new(body);
        let own = script.clone();
        let checked = self
            .context
            .scripts
            .run(lua::Kind::Quick, move || lua::check(&own))
            .await;
        if let Err(fault) = checked.and_then(|checked| checked) {
            return Reply::Error(fault);
        }
        let Script { sha1, body } = script;
        let reply = Reply::Bulk(sha1.clone());
        self.change_cache(ScriptCommand::Load { sha1, body }, reply)
            .await
    }

    async fn script_flush(&mut self, modes: &[Bytes]) -> Reply {
        if !flushes(modes) {
            let text = "ERR SCRIPT FLUSH only support SYNC|ASYNC option";
            return Reply::Error(Fault::fixed(text));
        }
        self.change_cache(ScriptCommand::Flush, Reply::OK).await
    }

    async fn change_cache(&mut self, change: ScriptCommand, done: Reply) -> Reply {
        let deadline = self.context.deadline();
        let command = Command::Script(change);
        match self
            .context
            .node
            .propose(&self.principal, command, deadline)
            .await
        {
            Ok(reply) => match reply.applied.outcome {
                Ok(_) => done,
                Err(refusal) => self.failed(&Failure::Refused(refusal)),
            },
            Err(error) => self.failed(&error.into()),
        }
    }

    async fn script_exists(&mut self, names: &[Bytes]) -> Reply {
        if let Err(failure) = self.barrier().await {
            return self.failed(&failure);
        }
        let is_kept = |name: &Bytes| {
            let name = name.to_ascii_lowercase();
            Reply::flag(self.context.reader.script(&name).is_some())
        };
        Reply::Array(names.iter().map(is_kept).collect())
    }
}

fn kill() -> Reply {
    if lua::kill_scripts() > 0 {
        return Reply::OK;
    }
    Reply::Error(Fault::fixed("NOTBUSY No scripts in execution right now."))
}
