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

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};

use super::context::Context;
use super::fault::Fault;
use super::frame::{Parsed, Parser, Protocol, REQUEST_FRAME_BYTES_MAX, encode};
use super::reply::Reply;
use super::session::{OUTPUT_BYTES_HIGH, Session, cost};
use crate::listen::{Held, Share, pause, turn};

/// Commands carried out before their answers are looked at.
const BATCH_COMMANDS_MAX: usize = 1024;
/// Requests that wait because the client does not read its answers.
const INPUT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Room for what is read at once: the first, and the most for a client that fills it again and
/// again.
const READ_BYTES: usize = 4 * 1024;
const READ_BYTES_MAX: usize = 64 * 1024;
/// Of messages to a subscriber, written at a time.
const DELIVERED_BYTES: usize = 64 * 1024;
/// Room that every silent connection has, until it has filled it once.
const FIRST_BYTES: usize = 512;
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
    // Closed last: who sees the end finds that the client's subscriptions have gone.
    let (mut reader, mut writer) = split(stream);
    let connection = Connection {
        session: Session::new(context, &share, peer, local),
        arrived: share.hold_incoming(),
        share: share.clone(),
        parser: Parser::default(),
        input: BytesMut::new(),
        read_bytes: FIRST_BYTES,
        is_eager: false,
        commands: VecDeque::new(),
        commands_bytes: 0,
        stop: None,
        output: BytesMut::new(),
        gone: 0,
        ended: false,
    };
    let client = connection.session.client.id;
    tokio::select! {
        () = connection.run(&mut reader, &mut writer) => {}
        () = share.closed() => tracing::warn!(
            client,
            "closed: it held much for long, and there is no room for other clients"
        ),
    }
}

struct Connection {
    session: Session,
    share: Share,
    /// What `input` and `commands` hold.
    arrived: Held,
    parser: Parser,
    input: BytesMut,
    /// What is read at once.
    read_bytes: usize,
    /// It has more to say than was read.
    is_eager: bool,
    /// Parsed, not yet carried out; and what stands behind them.
    commands: VecDeque<Vec<Bytes>>,
    /// They are parts of so many bytes, which go with the last of them.
    commands_bytes: usize,
    stop: Option<Stop>,
    output: BytesMut,
    /// Bytes of the output that have left, and the memory of which is there still.
    gone: usize,
    /// The client sends nothing more.
    ended: bool,
}

impl Connection {
    async fn run<S>(mut self, reader: &mut ReadHalf<S>, writer: &mut WriteHalf<S>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let mailbox = self.session.mailbox.clone();
        loop {
            self.carry_out().await;
            if self.session.closing {
                // Whoever hears its last answer finds it gone.
                self.session.unsubscribe_all();
            }
            self.count();
            let messages_wait = !self.may_deliver();
            if !messages_wait && !self.session.deliver(&mut self.output, DELIVERED_BYTES) {
                tracing::warn!(
                    client = self.session.client.id,
                    "too slow a subscriber: closed"
                );
                return;
            }
            let has_more = !self.commands.is_empty() || self.stop.is_some();
            let done = self.session.closing || self.ended && !has_more;
            if done && self.output.is_empty() {
                return;
            }
            if has_more && !done && self.output.is_empty() {
                // Nothing has to leave first: commands that answer nothing, others' turns between.
                turn().await;
                continue;
            }
            let wants_more = !done && !self.ended && self.input.len() < INPUT_BYTES_MAX;
            let room = if wants_more { self.make_room() } else { 0 };
            let may_write = !self.output.is_empty();
            tokio::select! {
                biased;
                wrote = writer.write(&self.output), if may_write => match wrote {
                    Ok(count) if count > 0 => self.has_left(count),
                    _ => return,
                },
                read = read_some(reader, &mut self.input, room), if room > 0 => match read {
                    Ok(0) => self.ended = true,
                    Ok(count) => self.fit_room(count == room),
                    Err(_) => return,
                },
                () = mailbox.arrived(), if !done => {}
                () = pause(), if messages_wait || (wants_more && room == 0) => {}
            }
            if !self.session.closing {
                self.pass_turn().await;
            }
        }
    }

    /// Who filled the room has more to say.
    fn fit_room(&mut self, is_full: bool) {
        self.is_eager = is_full;
        self.read_bytes = match is_full {
            true => (2 * self.read_bytes).clamp(READ_BYTES, READ_BYTES_MAX),
            false => self.read_bytes.min(READ_BYTES),
        };
    }

    /// Lets others have their turn, if there is more to do for this one.
    async fn pass_turn(&mut self) {
        if std::mem::take(&mut self.is_eager) || !self.commands.is_empty() {
            turn().await;
        }
    }

    /// Tells the load what is held here. A buffer that is empty is given back: it may be a part of
    /// much more.
    fn count(&mut self) {
        for buffer in [&mut self.input, &mut self.output] {
            if buffer.is_empty() {
                *buffer = BytesMut::new();
            }
        }
        self.count_arrived();
        self.session.hold(self.output.capacity() + self.gone);
    }

    /// So much of the output has left. What is still there moves, once it is the smaller part.
    fn has_left(&mut self, count: usize) {
        self.output.advance(count);
        self.gone += count;
        if self.gone >= self.output.len() {
            self.output = BytesMut::from(&self.output[..]);
            self.gone = 0;
        }
    }

    fn count_arrived(&mut self) {
        let pending = match self.commands.is_empty() {
            true => 0,
            false => {
                self.commands_bytes + self.commands.iter().map(|args| cost(args)).sum::<usize>()
            }
        };
        self.arrived.set(pending + self.input.capacity());
    }

    /// Whether messages may be put into the output: each is copied there.
    fn may_deliver(&self) -> bool {
        let is_empty = self.session.mailbox.is_empty();
        is_empty || self.output.is_empty() && self.share.may_hold(DELIVERED_BYTES)
    }

    /// Makes the input ready to take more, if there is room for more; how much.
    fn make_room(&mut self) -> usize {
        let spare = self.input.capacity() - self.input.len();
        if spare < self.read_bytes {
            // A buffer that is full is doubled.
            let wanted = self.read_bytes.max(self.input.capacity());
            let more = self.share.room(wanted).min(self.read_bytes);
            self.input.reserve(more.max(spare));
            self.count_arrived();
        }
        self.read_bytes
            .min(self.input.capacity() - self.input.len())
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
            // What it is at work on is not held by the client, unless it could be at work on it
            // for long.
            let is_little = self.arrived.bytes() <= 2 * REQUEST_FRAME_BYTES_MAX;
            self.arrived.set_at_work(is_little);
            self.session
                .execute_all(&mut self.commands, &mut self.output)
                .await;
            self.count_arrived();
            self.arrived.set_at_work(false);
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
        let arrived = self.input.len();
        while self.commands.len() < BATCH_COMMANDS_MAX && self.stop.is_none() {
            match self.parser.next(&mut self.input) {
                Parsed::More => {
                    self.keep_rest(arrived);
                    break;
                }
                Parsed::Request(args) => self.commands.push_back(args),
                Parsed::TooLarge => self.stop = Some(Stop::TooLarge),
                Parsed::Broken(fault) => self.stop = Some(Stop::Broken(fault)),
            }
        }
        self.commands_bytes = arrived - self.input.len();
    }

    /// What follows the commands that were taken is a part of the buffer that they came in, and
    /// would keep it.
    fn keep_rest(&mut self, arrived: usize) {
        if self.input.len() < arrived {
            self.input = BytesMut::from(&self.input[..]);
        }
    }
}

/// At most so many bytes.
async fn read_some<R: AsyncRead + Unpin>(
    reader: &mut R,
    input: &mut BytesMut,
    bytes_max: usize,
) -> std::io::Result<usize> {
    reader.read_buf(&mut input.limit(bytes_max)).await
}

/// What ends a batch besides its size.
enum Stop {
    TooLarge,
    Broken(Fault),
}
