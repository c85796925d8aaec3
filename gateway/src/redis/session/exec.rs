//! MULTI, EXEC, DISCARD: commands that are queued and then run as one program.
//!
//! Commands on data are one ordered program (`ordered`). With a script or a walk among them they
//! run on one view, whose effects are one guarded txn; a few bytes can ask for work of minutes
//! there: what takes long runs where scripts do, and not for longer than they may. Commands on the
//! connection are carried out once that has happened, and answer at their place.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::data::{keys_of, kind_of};
use super::state::Session;
use crate::redis::commands::{Row, Run, call};
use crate::redis::fault::Fault;
use crate::redis::program::{Failure, Kind, View, lua};
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
        Reply::OK
    }

    pub async fn exec(&mut self) -> Reply {
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
        if let Some(ordered) = self.ordered(&multi.queue) {
            let ran = self.run_ordered(ordered, &multi.queue, guards, passed);
            let ran = ran.await;
            return self.told(&multi.queue, ran).await;
        }
        let queue = Arc::new(multi.queue);
        let writes = queue
            .iter()
            .any(|queued| kind_of(queued.row) == Kind::Write);
        let kind = if writes { Kind::Write } else { Kind::Read };
        let keys: Vec<Bytes> = queue
            .iter()
            .flat_map(|queued| keys_of(queued.row, &queued.args))
            .collect();
        let ran = self
            .run_queue(queue.clone(), kind, &guards, &keys, passed)
            .await;
        self.told(&queue, ran).await
    }

    async fn told(&mut self, queue: &[Queued], ran: Result<Option<Answers>, Failure>) -> Reply {
        match ran {
            Ok(Some((replies, db))) => {
                self.db = db;
                self.complete(queue, replies).await
            }
            Ok(None) => Reply::NullArray,
            Err(failure) => self.failed(&failure),
        }
    }

    /// Carries out what concerns the connection and puts all replies in order.
    async fn complete(&mut self, queue: &[Queued], replies: Vec<Option<Reply>>) -> Reply {
        let mut all = Vec::with_capacity(replies.len());
        for (queued, reply) in queue.iter().zip(replies) {
            match (reply, queued.row.run) {
                (Some(reply), _) => all.push(reply),
                (None, Run::Session(verb)) => {
                    // Boxed, since EXEC is such a command itself (it is never queued).
                    all.extend(Box::pin(self.session_command(verb, &queued.args)).await);
                }
                (None, _) => {}
            }
        }
        Reply::Array(all)
    }
}

/// The replies of the commands on data, None for the others; and the database selected at the end.
pub type Answers = (Vec<Option<Reply>>, u32);

/// Runs the queued commands on data.
///
/// # Errors
/// It takes too long: nothing of it may be kept.
pub fn run_all(view: &mut View, queue: &[Queued]) -> Result<Answers, Fault> {
    let deadline = Instant::now() + TIME_MAX;
    let mut replies = Vec::with_capacity(queue.len());
    for queued in queue {
        if !lua::may_go_on() || Instant::now() >= deadline {
            return Err(TOO_LONG);
        }
        let db = i64::from(view.db());
        replies.push(call(view, queued.row, &queued.args));
        if matches!(queued.row.run, Run::Script(_)) {
            // SELECT in a script is for that script.
            view.select(db).expect("it was selected before");
        }
    }
    Ok((replies, view.db()))
}
