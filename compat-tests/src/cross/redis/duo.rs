//! The two servers side by side: every step is played to both, and what they answer is compared
//! frame by frame.
//!
//! A step is over when the real server's replies to it are complete; ours then has its time to
//! send as many frames. Connections that subscribe get a PING after every step, which on the real
//! server comes after everything that the step caused; ours is asked once it has sent as much.

use std::collections::BTreeMap;

use super::connection::Frame;
use super::normal;
use super::note;
use super::reply::Reply;
use super::side::{PATIENCE, Side};
use super::step::{Command, Step};
use super::talk::Talk;
use super::verdict;
use super::walk;
use crate::cross::accepted::Accepted;
use crate::cross::difference::Difference;
use crate::cross::ledger::Ledger;

/// Both servers, at the same place of a sequence.
pub struct Duo<'a> {
    theirs: Side,
    ours: Side,
    talks: BTreeMap<usize, Talk>,
    accepted: &'a Accepted,
    pub ledger: Ledger,
}

/// What stops a sequence.
#[derive(Debug)]
pub enum Stop {
    Differs(Box<Difference>),
    /// The harness itself does not get on.
    Broken(String),
}

impl From<String> for Stop {
    fn from(why: String) -> Self {
        Self::Broken(why)
    }
}

impl<'a> Duo<'a> {
    /// The servers at these addresses; whatever they hold is deleted.
    pub fn open(theirs: &str, ours: &str, accepted: &'a Accepted) -> Result<Self, String> {
        Ok(Self {
            theirs: Side::open(theirs)?,
            ours: Side::open(ours)?,
            talks: BTreeMap::new(),
            accepted,
            ledger: Ledger::default(),
        })
    }

    /// Plays one step to both.
    pub fn play(&mut self, step: &Step) -> Result<(), Stop> {
        match step {
            Step::Send(connection, commands) => self.send(*connection, commands)?,
            Step::Raw(connection, replies, bytes) => self.raw(*connection, *replies, bytes)?,
            Step::AwaitEnd(_, key) => {
                self.theirs.await_end(key)?;
                self.ours.await_end(key)?;
            }
            Step::Walk(connection, command) => self.walk(*connection, command)?,
        }
        self.catch_up(step)
    }

    fn send(&mut self, connection: usize, commands: &[Command]) -> Result<(), Stop> {
        let mut bytes = Vec::new();
        commands
            .iter()
            .for_each(|command| command.encode(&mut bytes));
        self.theirs.connection(connection)?.send(&bytes);
        self.ours.connection(connection)?.send(&bytes);
        for command in commands {
            let due = self.talk(connection).replies(command);
            let theirs = self.replies(connection, due, command)?;
            let mut ours = self.ours.frames(connection, theirs.len())?;
            normal::settle_names(command, &theirs, &mut ours);
            self.compare(connection, command, &theirs, &ours)?;
        }
        Ok(())
    }

    /// The real server's frames until `due` replies have come; messages in between count extra.
    fn replies(&mut self, connection: usize, due: usize, to: &Command) -> Result<Vec<Frame>, Stop> {
        let (mut frames, mut replies) = (Vec::new(), 0);
        while replies < due {
            let frame = self.theirs.connection(connection)?.next(PATIENCE);
            match &frame {
                Frame::Reply(reply) if self.talk(connection).is_message(reply) => {}
                // One error stands for all that a command would have answered.
                Frame::Reply(reply) if reply.is_error() => replies = due,
                Frame::Reply(_) => replies += 1,
                Frame::Closed => replies = due,
                other => return Err(Stop::Broken(format!("redis-server, to {to}: {other}"))),
            }
            frames.push(frame);
        }
        Ok(frames)
    }

    fn raw(&mut self, connection: usize, replies: usize, bytes: &[u8]) -> Result<(), Stop> {
        self.theirs.connection(connection)?.send(bytes);
        self.ours.connection(connection)?.send(bytes);
        let theirs = self.theirs.frames(connection, replies)?;
        let ours = self.ours.frames(connection, replies)?;
        let command = Command(vec![b"(raw)".to_vec(), bytes.to_vec()]);
        self.compare(connection, &command, &theirs, &ours)
    }

    fn compare(
        &mut self,
        connection: usize,
        command: &Command,
        theirs: &[Frame],
        ours: &[Frame],
    ) -> Result<(), Stop> {
        for (at, theirs) in theirs.iter().enumerate() {
            let ours = ours.get(at).unwrap_or(&Frame::Silence);
            let (Frame::Reply(theirs), Frame::Reply(ours)) = (theirs, ours) else {
                if theirs != ours {
                    let found = verdict::of_frames(command, theirs, ours);
                    self.judge(Some(found))?;
                }
                self.close(connection);
                continue;
            };
            let talk = self.talks.entry(connection).or_default();
            if talk.is_message(theirs) {
                note::event(&mut self.ledger, theirs);
                self.judge(verdict::of_messages(command, theirs, ours))?;
                continue;
            }
            let ran = talk.note(command, theirs);
            note::reply(&mut self.ledger, command, &ran, theirs);
            self.judge(verdict::of_replies(command, &ran, theirs, ours))?;
        }
        Ok(())
    }

    fn judge(&self, found: Option<Difference>) -> Result<(), Stop> {
        match found {
            Some(found) if !self.accepted.accepts(&found) => Err(Stop::Differs(Box::new(found))),
            _ => Ok(()),
        }
    }

    /// Everything that a step caused arrives before the next one.
    fn catch_up(&mut self, after: &Step) -> Result<(), Stop> {
        let idle = |(number, talk): (&usize, &Talk)| {
            (talk.is_subscribed() && talk.queued.is_none()).then_some(*number)
        };
        let listening: Vec<usize> = self.talks.iter().filter_map(idle).collect();
        let ping = Command::of(&["PING"]);
        let mut bytes = Vec::new();
        ping.encode(&mut bytes);
        for connection in listening {
            self.theirs.connection(connection)?.send(&bytes);
            let theirs = self.replies(connection, 1, &ping)?;
            let mut ours = self.ours.frames(connection, theirs.len() - 1)?;
            self.ours.connection(connection)?.send(&bytes);
            ours.extend(self.ours.frames(connection, 1)?);
            if let Some(found) = verdict::of_order(after, &theirs, &ours) {
                self.judge(Some(found))?;
                ours.clone_from(&theirs);
            }
            self.compare(connection, &ping, &theirs, &ours)?;
        }
        Ok(())
    }

    fn walk(&mut self, connection: usize, command: &Command) -> Result<(), Stop> {
        let theirs = walk::walk(self.theirs.connection(connection)?, command)?;
        let ours = walk::walk(self.ours.connection(connection)?, command)?;
        let name = format!("walk|{}", command.name());
        self.ledger.count("command", name.as_str());
        note::options(&mut self.ledger, &name, command);
        let seen = |found| [name.as_bytes().to_vec(), found];
        let shown = command.to_string().into_bytes();
        self.judge(verdict::of_replies(
            &Command(seen(shown).to_vec()),
            &[],
            &theirs,
            &ours,
        ))
    }

    /// Both ends of it are gone; the next step on this number opens a new one.
    fn close(&mut self, connection: usize) {
        self.theirs.forget(connection);
        self.ours.forget(connection);
        self.talks.remove(&connection);
    }

    fn talk(&mut self, connection: usize) -> &mut Talk {
        self.talks.entry(connection).or_default()
    }
}

/// A message's kind and, for what keyspace events say, the event.
pub fn kind_of(message: &Reply) -> &[u8] {
    let first = message.elements().and_then(<[Reply]>::first);
    first.and_then(Reply::text).unwrap_or_default()
}
