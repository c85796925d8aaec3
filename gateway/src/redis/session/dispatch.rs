//! One command of a connection: known? allowed now? queued, or carried out.

use bytes::{Bytes, BytesMut};
use quorate_core::types::Now;

use super::exec::Multi;
use super::state::Session;
use crate::redis::commands::{self, Row, Run, Session as Verb};
use crate::redis::fault::Fault;
use crate::redis::reply::Reply;

impl Session {
    /// Carries out one command and writes its replies. `passed`: the times of a barrier that was
    /// passed after the command arrived.
    pub async fn execute(&mut self, args: Vec<Bytes>, passed: Option<Now>, out: &mut BytesMut) {
        match self.admit(&args) {
            Err(fault) => {
                let fault = self.refused(&args, fault);
                self.write(&Reply::Error(fault), out);
            }
            Ok(None) => {
                out.clear();
                self.closing = true;
            }
            Ok(Some(row)) if self.multi.is_some() && !runs_inside_multi(row) => {
                if let Some(multi) = self.multi.as_mut() {
                    multi.push(row, args);
                }
                self.write(&Reply::status("QUEUED"), out);
                self.publish_facts(row.name);
            }
            Ok(Some(row)) => {
                let name = commands::full_name(row, &args);
                let replies = self.carry_out(row, args, passed).await;
                // What the command itself published comes before its reply, but nothing before a
                // subscription is confirmed.
                let subscribes =
                    |reply: &Reply| matches!(reply, Reply::Push(_) | Reply::Transaction(_));
                if self.subscription_count() > 0 && !replies.first().is_some_and(subscribes) {
                    // An overflow shows when the connection asks.
                    let _ = self.deliver(out, usize::MAX);
                }
                let size = replies.iter().map(Reply::encoded_bytes).sum();
                match self.room_for(size, out).await {
                    Ok(()) => replies.iter().for_each(|reply| self.write(reply, out)),
                    Err(fault) => self.write(&Reply::Error(fault), out),
                }
                self.publish_facts(name);
            }
        }
        self.end_command();
    }

    /// A refused command spoils the MULTI it came in; a refused EXEC ends it.
    fn refused(&mut self, args: &[Bytes], fault: Fault) -> Fault {
        let name = args.first().map(Bytes::as_ref).unwrap_or_default();
        if name.eq_ignore_ascii_case(b"exec") {
            self.multi = None;
            self.watching = None;
            return fault.aborts_exec();
        }
        if let Some(multi) = self.multi.as_mut() {
            multi.abort();
        }
        fault
    }

    /// The row of a command that may be carried out now. None: what speaks here is not a Redis
    /// client (a browser made to send a request), so the connection is closed without a word.
    fn admit(&self, args: &[Bytes]) -> Result<Option<&'static Row>, Fault> {
        let name = args.first().map(Bytes::as_ref).unwrap_or_default();
        if name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:") {
            tracing::warn!(
                client = self.client.id,
                "an HTTP request on the Redis port: closed"
            );
            return Ok(None);
        }
        let row = commands::check(args)?;
        let only = "only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
                    this context";
        if self.is_subscriber_only() && !runs_while_subscribed(row) {
            return Err(Fault::new(format!(
                "ERR Can't execute '{}': {only}",
                row.name
            )));
        }
        if self.needs_room(row) && self.context.reader.is_full() {
            return Err(Fault::FULL);
        }
        if self.multi.is_some() && row.has_flag("no_multi") {
            return Err(Fault::fixed("ERR Command not allowed inside a transaction"));
        }
        Ok(Some(row))
    }

    /// EXEC does if what it carries out does.
    fn needs_room(&self, row: &Row) -> bool {
        let queued = self.multi.as_ref().filter(|_| row.name == "exec");
        row.needs_room() || queued.is_some_and(Multi::needs_room)
    }

    async fn carry_out(
        &mut self,
        row: &'static Row,
        args: Vec<Bytes>,
        passed: Option<Now>,
    ) -> Vec<Reply> {
        match row.run {
            Run::Data(_) if row.name == "ping" && self.is_subscriber_only() && args.len() <= 2 => {
                let message = args.get(1).cloned().unwrap_or_default();
                vec![Reply::bulks([Bytes::from_static(b"pong"), message])]
            }
            Run::Data(_) if row.name == "publish" => vec![self.publish(&args).await],
            Run::Data(_) | Run::Write(_) => vec![self.data(row, &args, passed).await],
            Run::Script(_) => vec![self.script(row, args).await],
            Run::Session(verb) => self.session_command(verb, &args).await,
        }
    }

    /// The commands that a connection carries out itself; lone, or at their place in EXEC.
    pub async fn session_command(&mut self, verb: Verb, args: &[Bytes]) -> Vec<Reply> {
        let one = match verb {
            Verb::Auth => self.auth(args),
            Verb::Client => return self.client_command(args).into_iter().collect(),
            Verb::Config => self.config(args),
            Verb::Discard => self.discard(),
            Verb::Exec => self.exec().await,
            Verb::Function => self.function(args),
            Verb::Hello => self.hello(args),
            Verb::Multi => self.begin(),
            Verb::Pubsub => self.pubsub(args).await,
            Verb::Quit => {
                self.closing = true;
                Reply::OK
            }
            Verb::Reset => {
                self.reset();
                Reply::status("RESET")
            }
            Verb::Role => self.role(args),
            Verb::Script => self.script_command(args).await,
            Verb::Unwatch => {
                self.watching = None;
                self.watch_turn.give_back();
                Reply::OK
            }
            Verb::Wait => self.wait(args),
            Verb::Watch => self.watch(args).await,
            Verb::Subscribe => return self.subscribe(args),
            Verb::Unsubscribe => return self.unsubscribe(args),
            Verb::Psubscribe => return self.psubscribe(args),
            Verb::Punsubscribe => return self.punsubscribe(args),
        };
        vec![one]
    }
}

/// Inside MULTI these are carried out at once.
fn runs_inside_multi(row: &Row) -> bool {
    use Verb::{Discard, Exec, Multi, Quit, Reset, Watch};
    matches!(
        row.run,
        Run::Session(Discard | Exec | Multi | Quit | Reset | Watch)
    )
}

fn runs_while_subscribed(row: &Row) -> bool {
    use Verb::{Psubscribe, Punsubscribe, Quit, Reset, Subscribe, Unsubscribe};
    let verb = matches!(
        row.run,
        Run::Session(Subscribe | Unsubscribe | Psubscribe | Punsubscribe | Quit | Reset)
    );
    verb || row.name == "ping"
}
