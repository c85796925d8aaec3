//! Lone commands on data, and scripts: programs of one command.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use quorate_core::command::Guard;
use quorate_core::types::Now;

use super::crowds::Told;
use super::exec::{Answered, Answers, Queued, run_all};
use super::failure::fault_of;
use super::state::Session;
use crate::redis::commands::{Row, Run, on_view};
use crate::redis::program::lua;
use crate::redis::program::{Failure, Kind, Scope, View, run, run_sync};
use crate::redis::reply::Reply;

impl Session {
    /// A quick command on data.
    pub async fn data(&mut self, row: &Row, args: &[Bytes], passed: Option<Now>) -> Reply {
        let kind = kind_of(row);
        let keys = if kind == Kind::Write {
            // It would be held back by a turn of its own.
            self.watch_turn.give_back();
            row.keys_of(args)
        } else {
            Vec::new()
        };
        let scope = self.scope(&keys, hash(args), passed);
        let program = |view: &mut View| {
            let reply = on_view(view, row, args);
            (reply.unwrap_or(Reply::Null), view.db())
        };
        match run_sync(&scope, kind, &[], program).await {
            Ok(Some((reply, db))) => {
                self.db = db;
                reply
            }
            Ok(None) => Reply::NullArray,
            Err(failure) => self.failed(&failure),
        }
    }

    /// A lone script.
    pub async fn script(&mut self, row: &'static Row, args: Vec<Bytes>) -> Reply {
        // One that only reads waits for nobody.
        let keys = match kind_of(row) {
            Kind::Write => row.keys_of(&args),
            Kind::Read | Kind::WeakRead => Vec::new(),
        };
        let alone = match self.in_company(Queued { row, args }, &keys).await {
            Told::Done(reply) => return reply,
            Told::Failed(failure) => return self.failed(&failure),
            Told::Alone(command) => command,
        };
        let queue = Arc::new(vec![alone]);
        // Without a barrier before: it may touch no key.
        match self.run_queue(queue, Kind::Write, &[], &keys, None).await {
            Ok(Some(Answers { mut answers, .. })) => {
                let only = answers.pop().and_then(|answered| answered.reply);
                only.unwrap_or(Reply::Null)
            }
            Ok(None) => Reply::NullArray,
            Err(failure) => self.failed(&failure),
        }
    }

    /// Runs queued commands as one program; a reply for each that is on data, and the database
    /// selected at the end. None: a watched guard failed.
    pub async fn run_queue(
        &self,
        queue: Arc<Vec<Queued>>,
        kind: Kind,
        watched: &[Guard],
        keys: &[Bytes],
        passed: Option<Now>,
    ) -> Result<Option<Answers>, Failure> {
        // It would be held back by a turn of its own.
        self.watch_turn.give_back();
        let scope = self.scope(keys, what_it_does(&queue), passed);
        let attempt = |mut view: View| {
            let (db, commands, queue) = (view.db(), queue.len(), queue.clone());
            async move {
                if let Some(Ok(answers)) = lua::in_place(|| run_all(&mut view, &queue)) {
                    return (view, answers);
                }
                let mut view = view.begun_anew(db);
                let elsewhere = what_kind(&queue);
                let job = self.context.scripts.run(elsewhere, move || {
                    let answers = run_all(&mut view, &queue);
                    answers.map(|answers| (view, answers))
                });
                job.await.flatten().unwrap_or_else(|fault| {
                    let answered = Answered {
                        reply: Some(Reply::Error(fault)),
                        published: Vec::new(),
                    };
                    let answers = vec![answered; commands];
                    (self.idle_view(db), Answers { answers, db })
                })
            }
        };
        run(&scope, kind, watched, attempt).await
    }

    /// A view without effects, for a program that could not run.
    pub fn idle_view(&self, db: u32) -> View {
        let (reader, keyspace) = (self.context.reader.clone(), self.context.keyspace.clone());
        View::new(reader, keyspace, db, Now::default())
    }

    /// The reply for a command that failed in the core; closes the connection if it must.
    pub fn failed(&mut self, failure: &Failure) -> Reply {
        let (fault, close) = fault_of(failure);
        self.closing |= close;
        Reply::Error(fault)
    }

    pub fn scope<'a>(&'a self, keys: &'a [Bytes], what: u64, passed: Option<Now>) -> Scope<'a> {
        let scope = self.context.scope(&self.principal, self.db, keys, what);
        Scope { passed, ..scope }
    }
}

/// By the scripts of a queue. Without any it did not go in place, so it is long.
fn what_kind(queue: &[Queued]) -> lua::Kind {
    let is_script = |queued: &&Queued| matches!(queued.row.run, Run::Script(_));
    let mut scripts = queue.iter().filter(is_script).peekable();
    if scripts.peek().is_none() {
        return lua::Kind::Long;
    }
    let texts: Vec<_> = scripts.map(|script| script.args.get(1)).collect();
    lua::Kind::Script(hash(texts))
}

/// Stands for the scripts of a queue with the keys they name, and for the other commands: what is
/// alike is disturbed by the same.
pub fn what_it_does(queue: &[Queued]) -> u64 {
    let one = |queued: &Queued| match queued.row.run {
        Run::Script(_) => hash((queued.args.get(1), queued.row.keys_of(&queued.args))),
        Run::Data(_) | Run::Write(_) | Run::Session(_) => hash(&queued.args),
    };
    hash(queue.iter().map(one).collect::<Vec<_>>())
}

pub fn hash(thing: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    hasher.finish()
}

/// What commands of one program are expected to do.
pub fn kind_of_all(queue: &[Queued]) -> Kind {
    let writes = |one: &Queued| kind_of(one.row) == Kind::Write;
    match queue.iter().any(writes) {
        true => Kind::Write,
        false => Kind::Read,
    }
}

/// The keys that they name.
pub fn keys_of_all(queue: &[Queued]) -> Vec<Bytes> {
    let keys = queue.iter().flat_map(|one| one.row.keys_of(&one.args));
    keys.collect()
}

/// What a command is expected to do. What neither reads nor writes counts as a write without
/// effects, which needs no barrier.
pub fn kind_of(row: &Row) -> Kind {
    match row.name {
        "scan" | "keys" | "randomkey" | "dbsize" => Kind::WeakRead,
        _ if row.has_flag("readonly") => Kind::Read,
        _ => Kind::Write,
    }
}
