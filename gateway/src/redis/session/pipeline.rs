//! A pipeline's commands, in order, with what can be shared shared: plans that stand side by side
//! are proposed together (the node keeps their order), reads that do pass one barrier, and what
//! stands around scripts is one program (`together`).

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::future::join_all;
use quorate_core::command::{Command, Program};
use quorate_core::outcome::{OpResult, Outcome};
use quorate_core::types::{Index, Now};

use super::data::kind_of;
use super::state::Session;
use super::together::is_script;
use crate::redis::commands::{Row, check, plan};
use crate::redis::guard_rail::Attempt;
use crate::redis::plan::{Place, Plan};
use crate::redis::program::{Failure, Kind};
use crate::redis::refusal::refusal_fault;
use crate::redis::reply::Reply;

/// Plans proposed together.
const PLANS_MAX: usize = 256;

/// What a connection's commands may take, one by one, before others on the thread have their turn.
const TURN_TIME_MAX: Duration = Duration::from_millis(1);

/// Answers that wait to be sent before no more commands are carried out.
pub const OUTPUT_BYTES_HIGH: usize = 1024 * 1024;

impl Session {
    /// Carries out commands that have arrived together, and appends what they answer. Commands stay
    /// in the queue when the answers have become many, or the turn has been long.
    pub async fn execute_all(&mut self, queue: &mut VecDeque<Vec<Bytes>>, out: &mut BytesMut) {
        let arrived = queue.len();
        self.execute_some(queue, out).await;
        let counter = &self.context.counters.commands;
        counter.fetch_add((arrived - queue.len()) as u64, Ordering::Relaxed);
    }

    async fn execute_some(&mut self, queue: &mut VecDeque<Vec<Bytes>>, out: &mut BytesMut) {
        let mut passed: Option<Now> = None;
        let ends = Instant::now() + TURN_TIME_MAX;
        while !self.closing && self.may_answer(out) {
            let plans = self.plans(queue);
            if let Some(rows) = self.together(queue, plans.len())
                && self.execute_together(rows, queue, out).await
            {
                passed = None;
                if Instant::now() >= ends {
                    return;
                }
                continue;
            }
            if !plans.is_empty() {
                queue.drain(..plans.len());
                let index = self.propose_all(plans, out).await;
                // What arrived with them may read at their place: nothing older is asked for.
                passed = index.and_then(|index| {
                    self.context
                        .node
                        .barrier_of(index)
                        .map(|barrier| barrier.now)
                });
                continue;
            }
            let Some(args) = queue.pop_front() else {
                return;
            };
            if is_script(&args) {
                self.alone = self.alone.saturating_sub(1);
            }
            if !self.is_read(&args) {
                passed = None;
            } else if passed.is_none() {
                // If there is none to be had, the command finds out and says so.
                passed = self.barrier().await.ok();
            }
            self.execute(args, passed, out).await;
            if Instant::now() >= ends {
                return;
            }
        }
    }

    /// Where the keys of its commands lie.
    pub fn place(&self) -> Place<'_> {
        Place {
            keyspace: &self.context.keyspace,
            db: self.db,
        }
    }

    /// The plans of the commands at the front, up to one that has none, or is wrong.
    fn plans(&self, queue: &VecDeque<Vec<Bytes>>) -> Vec<(&'static Row, Plan)> {
        if self.multi.is_some() || self.is_subscriber_only() {
            return Vec::new();
        }
        let (place, is_full) = (self.place(), self.context.reader.is_full());
        let planned = |args: &Vec<Bytes>| {
            // What is refused is not planned.
            let row = check(args)
                .ok()
                .filter(|row| !(is_full && row.needs_room()))?;
            let plan = plan(place, row, args)?.ok().filter(Plan::fits)?;
            Some((row, plan))
        };
        queue.iter().take(PLANS_MAX).map_while(planned).collect()
    }

    /// The index of the last entry that carried one of them; None if none is known.
    async fn propose_all(
        &mut self,
        plans: Vec<(&'static Row, Plan)>,
        out: &mut BytesMut,
    ) -> Option<Index> {
        let (last, _) = plans.last()?;
        // They would be held back by a turn of their own.
        self.watch_turn.give_back();
        self.publish_facts(last.name);
        let deadline = self.context.deadline();
        let (node, principal) = (self.context.node.clone(), self.principal.clone());
        let propose = |(_, plan): (&'static Row, Plan)| {
            let program = Program {
                guards: Vec::new(),
                ops: plan.ops,
            };
            let proposed = node.propose(&principal, Command::Program(program), deadline);
            async move { (plan.rule, plan.attempt, proposed.await) }
        };
        let mut index = None;
        for (rule, attempt, result) in join_all(plans.into_iter().map(propose)).await {
            index = index.max(result.as_ref().ok().map(|reply| reply.index));
            let reply = match result.map(|reply| reply.applied.outcome) {
                Ok(Ok(Outcome::Program(outcome))) => {
                    self.note_lock(attempt.as_ref(), &outcome.results);
                    Plan::reply(&rule, &outcome.results)
                }
                Ok(Ok(_)) => Reply::Null,
                Ok(Err(refusal)) => Reply::Error(refusal_fault(refusal)),
                Err(error) => self.failed(&Failure::Node(error)),
            };
            self.answer_one(&reply, out).await;
            if self.closing {
                break;
            }
        }
        index
    }

    pub fn note_lock(&self, attempt: Option<&Attempt>, results: &[OpResult]) {
        let Some(attempt) = attempt else { return };
        let rail = &self.context.guard_rail;
        match Plan::holder(results) {
            Some(held) => rail.refused(attempt, held, self.context.node.local_barrier().now),
            None => rail.made(attempt),
        }
    }

    /// Whether it is a lone read on data.
    fn is_read(&self, args: &[Bytes]) -> bool {
        let read = |row: &Row| row.keys.any(args) && kind_of(row) == Kind::Read;
        self.multi.is_none() && check(args).is_ok_and(read)
    }
}
