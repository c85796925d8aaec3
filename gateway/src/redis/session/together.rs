//! Commands of a pipeline among which are scripts, as one program.
//!
//! Done one by one each script waits for the entry before it, since it reads what that wrote. On
//! one view it sees it at once, and all of them are one entry: no less in order, and all at one
//! instant, which is more than was asked for. Replies are those of one by one. What can't be had
//! that way is done one by one: a script that takes long, that asks for the fencing token of what
//! was written just before it, that loses to others, or whose effects are refused together with the
//! rest.
//!
//! ```text
//! SET l t NX PX 9000; EVALSHA unlock 1 l t; SET l u NX PX 9000; …   one entry: put, delete, put, …
//! ```

use std::collections::VecDeque;
use std::future::ready;

use bytes::{Bytes, BytesMut};

use super::data::{keys_of_all, kind_of_all, what_it_does};
use super::exec::{Queued, cost};
use super::fitting::{Callers, Fitted, run_front};
use super::state::Session;
use crate::redis::commands::{Row, Run, check, plan};
use crate::redis::program::{Failure, View, run};
use crate::redis::reply::Reply;

/// Commands of one program, and their bytes of memory.
const COMMANDS_MAX: usize = 1024;
const COMMANDS_BYTES_MAX: usize = 512 * 1024;

/// How often it runs while others write what it reads.
const RUNS_MAX: u32 = 3;

/// Scripts that a connection does one by one after one that could not be among others.
pub const ALONE: u32 = 100;

impl Session {
    /// Those of the commands at the front with a script at `script` that may be tried together;
    /// None if there is none, or nothing to run it with.
    pub fn together(
        &self,
        queue: &VecDeque<Vec<Bytes>>,
        script: usize,
    ) -> Option<Vec<&'static Row>> {
        // What a script publishes to its own connection comes before its reply.
        if self.multi.is_some() || self.subscription_count() > 0 || self.alone > 0 {
            return None;
        }
        is_script(queue.get(script)?).then_some(())?;
        let mut bytes = 0;
        let member = |args: &Vec<Bytes>| {
            bytes += cost(args);
            let row = check(args).ok().filter(|row| can_join(row, args))?;
            (bytes <= COMMANDS_BYTES_MAX).then_some(row)
        };
        let front: Vec<&Row> = queue.iter().take(COMMANDS_MAX).map_while(member).collect();
        (front.len() > 1).then_some(front)
    }

    /// Runs those of them that fit into one program, with their answers appended; the others stay
    /// in the queue. False: nothing has happened, they have to be done one by one.
    pub async fn execute_together(
        &mut self,
        rows: Vec<&'static Row>,
        queue: &mut VecDeque<Vec<Bytes>>,
        out: &mut BytesMut,
    ) -> bool {
        let front = queue.drain(..rows.len());
        let commands = rows.into_iter().zip(front);
        let mut commands: Vec<Queued> = commands.map(|(row, args)| Queued { row, args }).collect();
        let Fitted { replies, is_cut } = self.run_together(&commands).await;
        if is_cut {
            self.alone = ALONE;
        }
        let left = commands.split_off(replies.len());
        left.into_iter()
            .rev()
            .for_each(|command| queue.push_front(command.args));
        for (command, reply) in commands.iter().zip(&replies) {
            self.note_attempt(command, reply);
            self.answer_one(reply, out).await;
        }
        let Some(last) = commands.last() else {
            return false;
        };
        self.publish_facts(last.row.name);
        true
    }

    async fn run_together(&mut self, commands: &[Queued]) -> Fitted {
        let (kind, keys) = (kind_of_all(commands), keys_of_all(commands));
        let alone = || Fitted {
            replies: Vec::new(),
            is_cut: true,
        };
        let each: Vec<&Queued> = commands.iter().collect();
        let mut runs = 0;
        let attempt = |view: View| {
            runs += 1;
            ready(match runs > RUNS_MAX {
                true => (self.idle_view(self.db), alone()),
                false => run_front(view, &each, Callers::One),
            })
        };
        // It would be held back by a turn of its own.
        self.watch_turn.give_back();
        let scope = self.scope(&keys, what_it_does(commands), None);
        match run(&scope, kind, &[], attempt).await {
            Ok(done) => done.unwrap_or_default(),
            // It may be that of one of them.
            Err(Failure::Refused(_)) => alone(),
            Err(failure) => {
                let told = self.failed(&failure);
                let told_to = if self.closing { 1 } else { commands.len() };
                Fitted {
                    replies: vec![told; told_to],
                    is_cut: false,
                }
            }
        }
    }

    /// Writes the reply once there is room for it.
    pub async fn answer_one(&mut self, reply: &Reply, out: &mut BytesMut) {
        match self.room_for(reply.encoded_bytes(), out).await {
            Ok(()) => self.write(reply, out),
            Err(fault) => self.write(&Reply::Error(fault), out),
        }
        self.end_command();
    }

    /// A SET NX PX is told to the guard rail here, too.
    fn note_attempt(&self, command: &Queued, reply: &Reply) {
        let planned = plan(self.place(), command.row, &command.args);
        let Some(attempt) = planned.and_then(|plan| plan.ok()?.attempt) else {
            return;
        };
        let rail = &self.context.guard_rail;
        if *reply == Reply::OK {
            rail.made(&attempt);
        } else if let Some(held) = self.context.reader.get(&attempt.key) {
            rail.refused(&attempt, &held, self.context.node.local_barrier().now);
        }
    }
}

pub fn is_script(args: &[Bytes]) -> bool {
    check(args).is_ok_and(|row| matches!(row.run, Run::Script(_)))
}

/// Scripts, and commands on keys that they name.
fn can_join(row: &Row, args: &[Bytes]) -> bool {
    match row.run {
        Run::Script(_) => true,
        Run::Data(_) | Run::Write(_) => row.keys.any(args),
        Run::Session(_) => false,
    }
}
