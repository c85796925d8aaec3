//! One connection from its first byte to its last: read, carry out, write.
//!
//! It reads while it writes, so that a client which sends a long pipeline before it reads any
//! answer is not waited for; both buffers are bounded. All answers of what arrived together leave
//! in one write.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};

use super::context::Context;
use super::fault::Fault;
use super::frame::{Parsed, Parser, Protocol, encode};
use super::reply::Reply;
use super::session::Session;

/// Commands carried out before their answers are looked at.
const BATCH_COMMANDS_MAX: usize = 1024;
/// Answers that wait to be sent before no more commands are carried out.
const OUTPUT_BYTES_HIGH: usize = 1024 * 1024;
/// Requests that wait because the client does not read its answers.
const INPUT_BYTES_MAX: usize = 32 * 1024 * 1024;
const READ_BYTES: usize = 16 * 1024;
const TOO_LARGE: Fault = Fault::fixed("ERR request is too large (at most 1572864 bytes)");

/// Serves one client until it leaves; the addresses are what CLIENT LIST shows. Never panics on
/// its input.
pub async fn serve_connection_of<S>(
    mut stream: S,
    context: Arc<Context>,
    peer: Option<SocketAddr>,
    local: Option<SocketAddr>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    context.counters.connections.fetch_add(1, Ordering::Relaxed);
    if context.clients.len() >= context.options.clients_max {
        context.counters.rejected.fetch_add(1, Ordering::Relaxed);
        // The client may be gone already.
        let _ = stream
            .write_all(b"-ERR max number of clients reached\r\n")
            .await;
        return;
    }
    let (reader, writer) = split(stream);
    let connection = Connection {
        session: Session::new(context, peer, local),
        parser: Parser::default(),
        input: BytesMut::new(),
        output: BytesMut::new(),
        ended: false,
    };
    connection.run(reader, writer).await;
}

struct Connection {
    session: Session,
    parser: Parser,
    input: BytesMut,
    output: BytesMut,
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
            let may_read = !done && self.input.len() < INPUT_BYTES_MAX;
            let may_write = !self.output.is_empty();
            self.input
                .reserve(if may_read { READ_BYTES / 4 } else { 0 });
            tokio::select! {
                biased;
                wrote = writer.write(&self.output), if may_write => match wrote {
                    Ok(count) if count > 0 => self.output.advance(count),
                    _ => return,
                },
                read = reader.read_buf(&mut self.input), if may_read => match read {
                    Ok(0) => self.ended = true,
                    Ok(_) => {}
                    Err(_) => return,
                },
                () = mailbox.arrived(), if !done => {}
            }
        }
    }

    /// Carries out what has arrived, as long as its answers are few.
    async fn carry_out(&mut self) {
        while !self.session.closing && self.output.len() < OUTPUT_BYTES_HIGH {
            let (commands, stop) = self.parse();
            if commands.is_empty() && stop.is_none() {
                return;
            }
            self.session.execute_all(commands, &mut self.output).await;
            if self.session.closing {
                return;
            }
            match stop {
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

    /// Whole commands that have arrived, and what stands behind them if it is none.
    fn parse(&mut self) -> (Vec<Vec<Bytes>>, Option<Stop>) {
        let mut commands = Vec::new();
        while commands.len() < BATCH_COMMANDS_MAX {
            match self.parser.next(&mut self.input) {
                Parsed::More => break,
                Parsed::Request(args) => commands.push(args),
                Parsed::TooLarge => return (commands, Some(Stop::TooLarge)),
                Parsed::Broken(fault) => return (commands, Some(Stop::Broken(fault))),
            }
        }
        (commands, None)
    }
}

/// What ends a batch besides its size.
enum Stop {
    TooLarge,
    Broken(Fault),
}
