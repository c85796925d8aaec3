//! MULTI, EXEC, DISCARD: commands that are queued and then run as one program.
//!
//! Commands on data are one ordered program (`ordered`). With a script or a walk among them they
//! run on one view, whose effects are one guarded txn; a few bytes can ask for work of minutes
//! there: what takes long runs where scripts do, and not for longer than they may. Commands on the
//! connection are carried out once that has happened, and answer at their place.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::ahead::Ahead;
use super::data::{keys_of_all, kind_of_all};
use super::state::Session;
use crate::redis::commands::script::script;
use crate::redis::commands::{Row, Run, Session as Verb, call};
use crate::redis::fault::Fault;
use crate::redis::program::{Failure, View, lua};
use crate::redis::reply::Reply;

/// What a MULTI may take of wall time. (Redis: no bound; nobody else is served meanwhile.)
pub const TIME_MAX: Duration = Duration::from_secs(5);
const TOO_LONG: Fault =
    Fault::fixed("ERR the transaction takes longer than 5 seconds, nothing of it was executed");

/// Queued bytes of one MULTI.
const QUEUED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a command costs besides its bytes: itself, and each argument.
const COMMAND_BYTES: usize = size_of::<Queued>() + 32;
const ARGUMENT_BYTES: usize = size_of::<Bytes>() + 32;

/// Bytes of memory that a command takes while it waits.
pub fn cost(args: &[Bytes]) -> usize {
    let bytes = |arg: &Bytes| arg.len() + ARGUMENT_BYTES;
    COMMAND_BYTES + args.iter().map(bytes).sum::<usize>()
}

/// The arguments in a buffer of their own: what they arrived in may be much larger.
fn own(args: &[Bytes]) -> Vec<Bytes> {
    let mut all = Bytes::from(args.concat());
    args.iter().map(|arg| all.split_to(arg.len())).collect()
}

/// A command that waits for EXEC.
#[derive(Clone, Debug)]
pub struct Queued {
    pub row: &'static Row,
    pub args: Vec<Bytes>,
}

/// An open MULTI.
#[derive(Debug, Default)]
pub struct Multi {
    queue: Vec<Queued>,
    bytes: usize,
    aborted: bool,
}

impl Multi {
    /// A command was refused: EXEC will be too.
    pub fn abort(&mut self) {
        self.aborted = true;
        self.queue = Vec::new();
    }

    pub fn push(&mut self, row: &'static Row, args: Vec<Bytes>) {
        self.bytes += cost(&args);
        if self.bytes > QUEUED_BYTES_MAX {
            self.abort();
        }
        if !self.aborted {
            let args = own(&args);
            self.queue.push(Queued { row, args });
        }
    }

    pub fn needs_room(&self) -> bool {
        self.queue.iter().any(|queued| queued.row.needs_room())
    }

    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Bytes of memory that it takes.
    pub fn bytes(&self) -> usize {
        if self.aborted { 0 } else { self.bytes }
    }
}

impl Session {
    pub fn begin(&mut self) -> Reply {
        if self.multi.is_some() {
            return Reply::Error(Fault::fixed("ERR MULTI calls can not be nested"));
        }
        self.multi = Some(Multi::default());
        Reply::OK
    }

    pub fn discard(&mut self) -> Reply {
        if self.multi.take().is_none() {
            return Reply::Error(Fault::fixed("ERR DISCARD without MULTI"));
        }
        self.watching = None;
        self.watch_turn.give_back();
        Reply::OK
    }

    pub async fn exec(&mut self) -> Reply {
        let watches = self.watching.is_some();
        let reply = self.exec_queue().await;
        if watches {
            self.watch_turn.told(reply == Reply::NullArray);
        }
        reply
    }

    async fn exec_queue(&mut self) -> Reply {
        let Some(multi) = self.multi.take() else {
            return Reply::Error(Fault::fixed("ERR EXEC without MULTI"));
        };
        let watching = self.watching.take();
        if multi.aborted {
            let text = "EXECABORT Transaction discarded because of previous errors.";
            return Reply::Error(Fault::fixed(text));
        }
        let (mut guards, mut passed) = (Vec::new(), None);
        if let Some(watching) = &watching {
            match self.barrier().await {
                Ok(now) => passed = Some(now),
                Err(failure) => return self.failed(&failure),
            }
            if watching.watch.is_touched() {
                return Reply::NullArray;
            }
            guards.clone_from(&watching.guards);
        }
        let ahead = self.listen_ahead(&multi.queue);
        if let Some(ordered) = self.ordered(&multi.queue) {
            let ran = self.run_ordered(ordered, &multi.queue, guards, passed);
            let ran = ran.await;
            return self.told(&multi.queue, ran, ahead).await;
        }
        let queue = Arc::new(multi.queue);
        let (kind, keys) = (kind_of_all(&queue), keys_of_all(&queue));
        let ran = self
            .run_queue(queue.clone(), kind, &guards, &keys, passed)
            .await;
        self.told(&queue, ran, ahead).await
    }

    async fn told(
        &mut self,
        queue: &[Queued],
        ran: Result<Option<Answers>, Failure>,
        ahead: Option<Ahead>,
    ) -> Reply {
        let Ok(Some(Answers { answers, db })) = ran else {
            if let Some(ahead) = &ahead {
                self.listen_no_more(ahead);
            }
            return match ran {
                Ok(_) => Reply::NullArray,
                Err(failure) => self.failed(&failure),
            };
        };
        self.db = db;
        match ahead {
            Some(ahead) => self.complete_hearing(queue, answers, ahead).await,
            None => self.complete(queue, answers).await,
        }
    }

    async fn complete(&mut self, queue: &[Queued], answers: Vec<Answered>) -> Reply {
        let mut all = Vec::with_capacity(answers.len());
        for (queued, answered) in queue.iter().zip(answers) {
            all.extend(self.completed(queued, answered.reply).await);
        }
        Reply::Array(all)
    }

    /// The replies of a queued command, which is carried out if it concerns the connection.
    pub async fn completed(&mut self, queued: &Queued, reply: Option<Reply>) -> Vec<Reply> {
        match (reply, queued.row.run) {
            (Some(reply), _) => vec![reply],
            // Boxed, since EXEC is such a command itself (it is never queued).
            (None, Run::Session(verb)) => Box::pin(self.session_command(verb, &queued.args)).await,
            (None, _) => Vec::new(),
        }
    }
}

/// What came of a queued command on data.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    /// None for the commands of other kinds.
    pub reply: Option<Reply>,
    /// Channels and payloads.
    pub published: Vec<(Bytes, Bytes)>,
}

/// What came of a queue.
pub struct Answers {
    pub answers: Vec<Answered>,
    /// The database selected at the end.
    pub db: u32,
}

/// Runs the queued commands on data.
///
/// # Errors
/// It takes too long: nothing of it may be kept.
pub fn run_all(view: &mut View, queue: &[Queued]) -> Result<Answers, Fault> {
    let deadline = Instant::now() + TIME_MAX;
    let mut answers = Vec::with_capacity(queue.len());
    for queued in queue {
        if !lua::may_go_on() || Instant::now() >= deadline {
            return Err(TOO_LONG);
        }
        let (db, written) = (i64::from(view.db()), view.written());
        answers.push(Answered {
            reply: call(view, queued.row, &queued.args).or_else(|| cached(view, queued)),
            published: view.published_since(written),
        });
        if matches!(queued.row.run, Run::Script(_)) {
            // SELECT in a script is for that script.
            view.select(db).expect("it was selected before");
        }
    }
    let db = view.db();
    Ok(Answers { answers, db })
}

/// SCRIPT, which scripts behind it see.
fn cached(view: &mut View, queued: &Queued) -> Option<Reply> {
    match queued.row.run {
        Run::Session(Verb::Script) => script(view, &queued.args),
        _ => None,
    }
}
