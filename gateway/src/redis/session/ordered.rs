//! A MULTI as one ordered program: every command is worked out where it is applied, in its place,
//! whatever others write meanwhile. Reads bring the records of their keys, of which the reply is
//! made here.
//!
//! ```text
//! INCR n; GET n; SELECT 1   ops: add redis/0/n 1; range redis/0/n   replies: 1, "1", OK
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use quorate_core::command::{Command, Guard, Op, Program, RangeOp};
use quorate_core::limits::TXN_OPS_MAX;
use quorate_core::outcome::{OpResult, Outcome, ProgramOutcome};
use quorate_core::types::{KeyRange, KeyValue, Now};

use super::exec::{Answered, Answers, Queued};
use super::state::Session;
use crate::redis::args::Args;
use crate::redis::commands::{Run, call};
use crate::redis::guard_rail::Attempt;
use crate::redis::keyspace::DATABASES;
use crate::redis::number::parse_i64;
use crate::redis::plan::{Place, Plan, Rule};
use crate::redis::program::{Failure, Records, TOO_MUCH, View};
use crate::redis::refusal::refusal_fault;
use crate::redis::reply::Reply;

/// What the replies may come to; what is read beyond it is not shown.
const REPLIES_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A queue as ops, and how each of its commands is answered.
pub struct Ordered {
    ops: Vec<Op>,
    answers: Vec<(usize, Answer)>,
    /// The database selected at the end.
    db: u32,
    writes: bool,
}

/// How the results of a command's ops are told.
enum Answer {
    /// By the plan's rule.
    Planned(Rule, Option<Attempt>),
    /// By the command itself, which sees the records that were read, in this database.
    Shown(u32),
    /// At once.
    Known(Reply),
    /// By the connection, once all this has happened.
    Later,
}

impl Session {
    /// None if one of the commands has no such form: a script, a walk over a database; or if they
    /// name more keys than one program may.
    pub fn ordered(&self, queue: &[Queued]) -> Option<Ordered> {
        let mut ordered = Ordered {
            ops: Vec::new(),
            answers: Vec::with_capacity(queue.len()),
            db: self.db,
            writes: false,
        };
        for queued in queue {
            let before = ordered.ops.len();
            let answer = self.append(&mut ordered, queued)?;
            let added = ordered.ops.len() - before;
            ordered.answers.push((added, answer));
        }
        (ordered.ops.len() <= TXN_OPS_MAX || !ordered.writes).then_some(ordered)
    }

    fn append(&self, ordered: &mut Ordered, queued: &Queued) -> Option<Answer> {
        let (row, args) = (queued.row, &queued.args);
        let place = Place {
            keyspace: &self.context.keyspace,
            db: ordered.db,
        };
        match (row.run, row.name) {
            (Run::Session(_), _) => return Some(Answer::Later),
            (Run::Script(_), _) => return None,
            (Run::Data(_), "publish") => {
                let (channel, payload) = (args.get(1)?.clone(), args.get(2)?.clone());
                let receivers = self.context.reader.subscribers(&channel);
                ordered.ops.push(Op::Publish { channel, payload });
                ordered.writes = true;
                let receivers = i64::try_from(receivers).unwrap_or(i64::MAX);
                return Some(Answer::Known(Reply::Integer(receivers)));
            }
            (Run::Data(_), "select") => {
                let db = args.get(1).and_then(|index| parse_i64(index));
                let db = db.and_then(|db| u32::try_from(db).ok());
                ordered.db = db.filter(|db| *db < DATABASES).unwrap_or(ordered.db);
                return Some(Answer::Shown(place.db));
            }
            (Run::Data(_), "ping" | "echo" | "time" | "info" | "command") => {
                return Some(Answer::Shown(place.db));
            }
            (Run::Write(write), _) => {
                return Some(match write(place, Args::after_name(args)) {
                    Ok(plan) => {
                        ordered.ops.extend(plan.ops);
                        ordered.writes = true;
                        Answer::Planned(plan.rule, plan.attempt)
                    }
                    Err(fault) => Answer::Known(Reply::Error(fault)),
                });
            }
            (Run::Data(_), _) => {}
        }
        if matches!(row.name, "hscan" | "hrandfield") {
            // Each looks at every field: that many of them take long shows only on the way.
            return None;
        }
        let keys = row.keys.of(args);
        let read = |key: &Bytes| Op::Range(RangeOp::new(KeyRange::Key(place.key(key))));
        ordered.ops.extend(keys.iter().map(read));
        (!keys.is_empty()).then_some(Answer::Shown(place.db))
    }

    /// Runs it. None: one of the guards, of what was watched, no longer holds.
    pub async fn run_ordered(
        &self,
        ordered: Ordered,
        queue: &[Queued],
        watched: Vec<Guard>,
        passed: Option<Now>,
    ) -> Result<Option<Answers>, Failure> {
        let Ordered {
            ops,
            answers,
            db,
            writes,
        } = ordered;
        let outcome = match writes {
            true => self.propose_ordered(watched, ops).await?,
            false => self.read_ordered(&watched, &ops, passed).await?,
        };
        if !outcome.succeeded {
            return Ok(None);
        }
        let mut results = &outcome.results[..];
        let (mut answered, mut bytes) = (Vec::with_capacity(queue.len()), 0);
        for (queued, (count, answer)) in queue.iter().zip(answers) {
            let (own, rest) = results.split_at(count);
            results = rest;
            let reply = match answer {
                Answer::Shown(_) if bytes > REPLIES_BYTES_MAX => Some(Reply::Error(TOO_MUCH)),
                answer => self.answer(queued, answer, own, outcome.now),
            };
            bytes += reply.as_ref().map_or(0, Reply::encoded_bytes);
            let published = published(own, &queued.args);
            answered.push(Answered { reply, published });
        }
        Ok(Some(Answers {
            answers: answered,
            db,
        }))
    }

    async fn propose_ordered(
        &self,
        guards: Vec<Guard>,
        ops: Vec<Op>,
    ) -> Result<ProgramOutcome, Failure> {
        let lent = self.watch_turn.take();
        let end = lent.as_ref().map(|lent| lent.turn.end());
        let ops = ops.into_iter().chain(end).collect();
        let command = Command::Program(Program { guards, ops });
        let (node, deadline) = (&self.context.node, self.context.deadline());
        let reply = node.propose(&self.principal, command, deadline).await?;
        match reply.applied.outcome {
            Ok(Outcome::Program(outcome)) => {
                match (lent, outcome.succeeded) {
                    (Some(lent), true) => lent.turn.ended(),
                    (Some(lent), false) => self.watch_turn.lend(lent),
                    (None, _) => {}
                }
                Ok(outcome)
            }
            Ok(other) => unreachable!("a program's outcome is no {other:?}"),
            Err(refusal) => Err(Failure::Refused(refusal)),
        }
    }

    /// Reads alone need no entry: they are read at one instant behind a barrier.
    async fn read_ordered(
        &self,
        watched: &[Guard],
        ops: &[Op],
        passed: Option<Now>,
    ) -> Result<ProgramOutcome, Failure> {
        let now = match passed {
            Some(now) => now,
            None => self.barrier().await?,
        };
        let (succeeded, results) = self.context.node.read(|state| {
            let succeeded = watched.iter().all(|guard| state.judge(guard));
            let results = ops.iter().map(|op| state.look(op));
            (succeeded, results.collect())
        });
        Ok(ProgramOutcome {
            succeeded,
            results,
            now,
        })
    }

    fn answer(
        &self,
        queued: &Queued,
        answer: Answer,
        results: &[OpResult],
        now: Now,
    ) -> Option<Reply> {
        match answer {
            Answer::Planned(rule, attempt) => {
                self.note_lock(attempt.as_ref(), results);
                Some(Plan::reply(&rule, results))
            }
            Answer::Known(reply) => Some(reply),
            Answer::Shown(db) => Some(self.shown(queued, db, results, now)),
            Answer::Later => None,
        }
    }

    fn shown(&self, queued: &Queued, db: u32, results: &[OpResult], now: Now) -> Reply {
        let mut records: BTreeMap<Bytes, Arc<KeyValue>> = BTreeMap::new();
        for result in results {
            match result {
                OpResult::Range(range) => {
                    let found = range.kvs.iter().map(|kv| (kv.key.clone(), kv.clone()));
                    records.extend(found);
                }
                OpResult::Failed(refusal) => return Reply::Error(refusal_fault(*refusal)),
                _ => {}
            }
        }
        let reader = Arc::new(Records::new(records, self.context.reader.clone()));
        let mut view = View::new(reader, self.context.keyspace.clone(), db, now);
        call(&mut view, queued.row, &queued.args).unwrap_or(Reply::Null)
    }
}

fn published(results: &[OpResult], args: &[Bytes]) -> Vec<(Bytes, Bytes)> {
    match (results, args) {
        ([OpResult::Published], [_, channel, payload]) => {
            vec![(channel.clone(), payload.clone())]
        }
        _ => Vec::new(),
    }
}
