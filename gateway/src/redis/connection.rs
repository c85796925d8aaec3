//! One connection from its first byte to its last: read, carry out, write.
//!
//! It reads while it writes, so that a client which sends a long pipeline before it reads any
//! answer is not waited for. All answers of what arrived together leave in one write, up to a
//! bound; the next commands are then carried out when these have left. What a connection holds
//! besides (requests, a MULTI, answers, messages) is told to the load, which bounds all together.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};

use super::context::Context;
use super::fault::Fault;
use super::frame::{Parsed, Parser, Protocol, encode};
use super::reply::Reply;
use super::session::{OUTPUT_BYTES_HIGH, Session, cost};
use crate::listen::{Share, pause};

/// Commands carried out before their answers are looked at.
const BATCH_COMMANDS_MAX: usize = 1024;
/// Requests that wait because the client does not read its answers.
const INPUT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Room for what is read at once: the first, and the most for a client that fills it again and
/// again.
const READ_BYTES: usize = 4 * 1024;
const READ_BYTES_MAX: usize = 64 * 1024;
/// Room that every silent connection has.
const FIRST_BYTES: usize = 512;
/// Room that an empty buffer keeps.
const KEPT_BYTES_MAX: usize = 64 * 1024;
const TOO_LARGE: Fault = Fault::fixed("ERR request is too large (at most 1572864 bytes)");

/// Serves one client until it leaves; the addresses are what CLIENT LIST shows. Never panics on
/// its input.
pub async fn serve_connection_of<S>(
    stream: S,
    context: Arc<Context>,
    share: Share,
    peer: Option<SocketAddr>,
    local: Option<SocketAddr>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    context.counters.connections.fetch_add(1, Ordering::Relaxed);
    let (reader, writer) = split(stream);
    let connection = Connection {
        session: Session::new(context, &share, peer, local),
        parser: Parser::default(),
        input: BytesMut::new(),
        commands: VecDeque::new(),
        stop: None,
        output: BytesMut::new(),
        room: READ_BYTES,
        ended: false,
    };
    let client = connection.session.client.id;
    tokio::select! {
        () = connection.run(reader, writer) => {}
        () = share.closed() => tracing::warn!(
            client,
            "closed: it held much for long, and there is no room for other clients"
        ),
    }
}

struct Connection {
    session: Session,
    parser: Parser,
    input: BytesMut,
    /// Parsed, not yet carried out; and what stands behind them.
    commands: VecDeque<Vec<Bytes>>,
    stop: Option<Stop>,
    output: BytesMut,
    /// What is read at once.
    room: usize,
    /// The client sends nothing more.
    ended: bool,
}

impl Connection {
    async fn run<S>(mut self, mut reader: ReadHalf<S>, mut writer: WriteHalf<S>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let mailbox = self.session.mailbox.clone();
        loop {
            self.carry_out().await;
            let has_room = self.count();
            if !self.session.deliver(&mut self.output, OUTPUT_BYTES_HIGH) {
                tracing::warn!(
                    client = self.session.client.id,
                    "too slow a subscriber: closed"
                );
                return;
            }
            let done = self.session.closing || self.ended;
            if done && self.output.is_empty() {
                return;
            }
            let may_read = !done && has_room && self.input.len() < INPUT_BYTES_MAX;
            let may_write = !self.output.is_empty();
            if may_read {
                let is_new = self.input.capacity() == 0;
                self.input
                    .reserve(if is_new { FIRST_BYTES } else { self.room });
            }
            tokio::select! {
                biased;
                wrote = writer.write(&self.output), if may_write => match wrote {
                    Ok(count) if count > 0 => self.output.advance(count),
                    _ => return,
                },
                read = reader.read_buf(&mut self.input), if may_read => match read {
                    Ok(0) => self.ended = true,
                    Ok(_) => self.fit_room(),
                    Err(_) => return,
                },
                () = mailbox.arrived(), if !done => {}
                () = pause(), if !done && !has_room => {}
            }
        }
    }

    /// Who filled the room has more to say.
    fn fit_room(&mut self) {
        self.room = match self.input.len() == self.input.capacity() {
            true => (2 * self.room).min(READ_BYTES_MAX),
            false => READ_BYTES,
        };
    }

    /// Tells the load what is held here; whether more may be read.
    fn count(&mut self) -> bool {
        for buffer in [&mut self.input, &mut self.output] {
            if buffer.is_empty() && buffer.capacity() > KEPT_BYTES_MAX {
                *buffer = BytesMut::new();
            }
        }
        let pending: usize = self.commands.iter().map(|args| cost(args)).sum();
        let bytes = pending + self.input.capacity() + self.output.capacity();
        // A buffer that is full is doubled.
        let is_full = self.input.capacity() - self.input.len() < self.room;
        let more = if is_full { self.input.capacity() } else { 0 };
        self.session.hold(bytes, more.max(self.room))
    }

    /// Carries out what has arrived, as long as its answers are few.
    async fn carry_out(&mut self) {
        while !self.session.closing && self.output.len() < OUTPUT_BYTES_HIGH {
            if self.commands.is_empty() && self.stop.is_none() {
                self.parse();
            }
            if self.commands.is_empty() && self.stop.is_none() {
                return;
            }
            self.session
                .execute_all(&mut self.commands, &mut self.output)
                .await;
            if self.session.closing || !self.commands.is_empty() {
                return;
            }
            match self.stop.take() {
                None => {}
                Some(Stop::TooLarge) => self.answer(&TOO_LARGE),
                Some(Stop::Broken(fault)) => {
                    self.answer(&fault);
                    self.session.closing = true;
                }
            }
        }
    }

    fn answer(&mut self, fault: &Fault) {
        let protocol: Protocol = self.session.protocol;
        encode(&Reply::Error(fault.clone()), protocol, &mut self.output);
    }

    /// Takes whole commands that have arrived, and what stands behind them if it is none.
    fn parse(&mut self) {
        while self.commands.len() < BATCH_COMMANDS_MAX && self.stop.is_none() {
            match self.parser.next(&mut self.input) {
                Parsed::More => return,
                Parsed::Request(args) => self.commands.push_back(args),
                Parsed::TooLarge => self.stop = Some(Stop::TooLarge),
                Parsed::Broken(fault) => self.stop = Some(Stop::Broken(fault)),
            }
        }
    }
}

/// What ends a batch besides its size.
enum Stop {
    TooLarge,
    Broken(Fault),
}
