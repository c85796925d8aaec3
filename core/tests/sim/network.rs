//! The network of the simulation: ordered byte streams with delays, cuts in each direction, and
//! resets. What is sent over a cut waits, as TCP's retransmission has it, until the cut heals. A
//! connection that has fallen silent stays so for ever: it takes bytes until its buffer is full,
//! nothing arrives, and no end of it is ever heard of.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use quorate_core::peer::{Accept, Boxed, Duplex, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::entropy::Dice;
use crate::member::MEMBERS;
use crate::trace::Trace;

pub type MemberNumber = usize;

/// What a connection takes that nobody reads.
const SILENT_BYTES_MAX: usize = 256 << 10;

/// The address of a member.
pub fn address(member: MemberNumber) -> String {
    format!("10.0.0.{}:2380", member + 1)
}

/// The network; clones share it.
#[derive(Clone)]
pub struct Net(Arc<Mutex<Inner>>);

struct Inner {
    now: u64,
    dice: Dice,
    trace: Trace,
    /// Delay of a message in milliseconds: at least, less than.
    delay: (u64, u64),
    /// Directions in which nothing arrives.
    cut: BTreeSet<(MemberNumber, MemberNumber)>,
    next_pipe: u64,
    pipes: BTreeMap<u64, Pipe>,
    calls: BTreeMap<u64, Call>,
    listeners: BTreeMap<MemberNumber, Listener>,
}

/// One direction of a connection.
struct Pipe {
    from: MemberNumber,
    to: MemberNumber,
    under_way: VecDeque<(u64, Parcel)>,
    arrived: VecDeque<u8>,
    /// How it ended, as the reader learns.
    end: Option<io::ErrorKind>,
    /// Bytes that were sent since it fell silent.
    silent: Option<usize>,
    reader: Option<Waker>,
}

enum Parcel {
    Bytes(Vec<u8>),
    /// `UnexpectedEof` stands for an orderly end.
    End(io::ErrorKind),
}

/// A connection being made.
struct Call {
    from: MemberNumber,
    to: MemberNumber,
    due: u64,
    done: Option<io::Result<(u64, u64)>>,
    waker: Option<Waker>,
}

#[derive(Default)]
struct Listener {
    arrived: VecDeque<(u64, u64)>,
    waker: Option<Waker>,
}

impl Net {
    pub fn new(dice: Dice, trace: Trace) -> Net {
        Net(Arc::new(Mutex::new(Inner {
            now: 0,
            dice,
            trace,
            delay: (1, 3),
            cut: BTreeSet::new(),
            next_pipe: 0,
            pipes: BTreeMap::new(),
            calls: BTreeMap::new(),
            listeners: BTreeMap::new(),
        })))
    }

    /// A member's way into it.
    pub fn transport(&self, member: MemberNumber) -> Arc<dyn Transport> {
        let net = self.clone();
        Arc::new(SimTransport { net, member })
    }

    /// Time passes: brings what is due.
    pub fn advance(&self, now: u64) {
        self.0.lock().advance(now);
    }

    pub fn set_delay(&self, low: u64, high: u64) {
        self.0.lock().delay = (low, high);
    }

    pub fn cut(&self, from: MemberNumber, to: MemberNumber) {
        self.0.lock().cut.insert((from, to));
    }

    /// Nothing reaches the member, and nothing of it reaches another.
    pub fn isolate(&self, member: MemberNumber) {
        for other in (0..MEMBERS).filter(|other| *other != member) {
            self.cut(member, other);
            self.cut(other, member);
        }
    }

    pub fn heal(&self) {
        let mut inner = self.0.lock();
        inner.cut.clear();
        inner.delay = (1, 3);
    }

    /// What is sent on the connections that there are now never arrives, for ever.
    pub fn silence(&self, from: MemberNumber, to: MemberNumber) {
        let mut inner = self.0.lock();
        for pipe in inner.pipes.values_mut() {
            if (pipe.from, pipe.to) == (from, to) && pipe.silent.is_none() {
                pipe.under_way.clear();
                pipe.silent = Some(0);
            }
        }
    }

    /// Connections between the two break.
    pub fn reset(&self, one: MemberNumber, other: MemberNumber) {
        let mut inner = self.0.lock();
        let reset = Some(io::ErrorKind::ConnectionReset);
        for pipe in inner
            .pipes
            .values_mut()
            .filter(|pipe| pipe.silent.is_none())
        {
            if (pipe.from, pipe.to) == (one, other) || (pipe.from, pipe.to) == (other, one) {
                pipe.end = reset;
                pipe.reader.take().inspect(Waker::wake_by_ref);
            }
        }
    }

    /// The member's process is gone: its peers are reset as soon as they can hear of it; what
    /// they send until then is lost.
    pub fn kill(&self, member: MemberNumber) {
        let mut inner = self.0.lock();
        inner.listeners.remove(&member);
        inner.calls.retain(|_, call| call.from != member);
        let due = inner.due();
        for pipe in inner
            .pipes
            .values_mut()
            .filter(|pipe| pipe.silent.is_none())
        {
            if pipe.from == member {
                let reset = Parcel::End(io::ErrorKind::ConnectionReset);
                pipe.under_way.push_back((due, reset));
            }
        }
    }
}

impl Inner {
    /// When something sent now arrives.
    fn due(&mut self) -> u64 {
        let (low, high) = self.delay;
        self.now + self.dice.range(low, high)
    }

    fn advance(&mut self, now: u64) {
        self.now = now;
        for pipe in self.pipes.values_mut() {
            if self.cut.contains(&(pipe.from, pipe.to)) {
                continue;
            }
            let mut woken = false;
            while pipe.under_way.front().is_some_and(|(due, _)| *due <= now) {
                woken = true;
                match pipe.under_way.pop_front() {
                    Some((_, Parcel::Bytes(bytes))) => pipe.arrived.extend(bytes),
                    Some((_, Parcel::End(end))) => pipe.end = pipe.end.or(Some(end)),
                    None => {}
                }
            }
            if woken {
                pipe.reader.take().inspect(Waker::wake_by_ref);
            }
        }
        self.answer_calls();
    }

    fn answer_calls(&mut self) {
        let due = |call: &&mut Call| call.done.is_none() && call.due <= self.now;
        let mut made = Vec::new();
        for call in self.calls.values_mut().filter(due) {
            let ways = [(call.from, call.to), (call.to, call.from)];
            if ways.iter().any(|way| self.cut.contains(way)) {
                continue;
            }
            call.done = Some(match self.listeners.get_mut(&call.to) {
                Some(listener) => {
                    let (there, back) = (self.next_pipe, self.next_pipe + 1);
                    self.next_pipe += 2;
                    listener.arrived.push_back((there, back));
                    listener.waker.take().inspect(Waker::wake_by_ref);
                    made.push((there, call.from, call.to));
                    made.push((back, call.to, call.from));
                    Ok((there, back))
                }
                None => Err(io::ErrorKind::ConnectionRefused.into()),
            });
            call.waker.take().inspect(Waker::wake_by_ref);
        }
        for (id, from, to) in made {
            let pipe = Pipe {
                from,
                to,
                under_way: VecDeque::new(),
                arrived: VecDeque::new(),
                end: None,
                silent: None,
                reader: None,
            };
            self.pipes.insert(id, pipe);
        }
    }

    /// Whether it was taken.
    fn send(&mut self, id: u64, parcel: Parcel) -> io::Result<bool> {
        let due = self.due();
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let pipe = self.pipes.get_mut(&id).ok_or_else(gone)?;
        if pipe.end.is_some() {
            return Err(gone());
        }
        if let Some(bytes) = &mut pipe.silent {
            let has_room = *bytes < SILENT_BYTES_MAX;
            if let Parcel::Bytes(more) = parcel {
                *bytes += more.len();
            }
            return Ok(has_room);
        }
        let last = pipe.under_way.back().map_or(0, |(due, _)| *due);
        if let Parcel::Bytes(bytes) = &parcel {
            let (from, to, crc) = (pipe.from, pipe.to, crc32c::crc32c(bytes));
            let length = bytes.len();
            self.trace.line(
                self.now,
                format_args!("{from}>{to} #{id} {length} {crc:08x}"),
            );
        }
        pipe.under_way.push_back((due.max(last), parcel));
        Ok(true)
    }
}

struct SimTransport {
    net: Net,
    member: MemberNumber,
}

impl Transport for SimTransport {
    fn connect<'a>(&'a self, to: &'a str) -> Boxed<'a, io::Result<Box<dyn Duplex>>> {
        Box::pin(async move {
            let number = |n: &MemberNumber| address(*n) == to;
            let to = (0..9).find(number).ok_or(io::ErrorKind::NotFound)?;
            let calling = Calling::new(&self.net, self.member, to);
            let (there, back) = poll_fn(|context| calling.poll(context)).await?;
            let net = self.net.clone();
            Ok(Box::new(SimStream {
                net,
                input: back,
                output: there,
            }) as Box<dyn Duplex>)
        })
    }

    fn listen<'a>(&'a self, _address: &'a str) -> Boxed<'a, io::Result<Box<dyn Accept>>> {
        Box::pin(async move {
            let mut inner = self.net.0.lock();
            inner.listeners.insert(self.member, Listener::default());
            let net = self.net.clone();
            let member = self.member;
            Ok(Box::new(SimListener { net, member }) as Box<dyn Accept>)
        })
    }
}

/// Gives the call up when dropped.
struct Calling {
    net: Net,
    id: u64,
}

impl Calling {
    fn new(net: &Net, from: MemberNumber, to: MemberNumber) -> Calling {
        let mut inner = net.0.lock();
        let (id, due) = (inner.next_pipe, inner.due());
        inner.next_pipe += 1;
        let call = Call {
            from,
            to,
            due,
            done: None,
            waker: None,
        };
        inner.calls.insert(id, call);
        let net = net.clone();
        Calling { net, id }
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<io::Result<(u64, u64)>> {
        let mut inner = self.net.0.lock();
        let Some(call) = inner.calls.get_mut(&self.id) else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        };
        match call.done.take() {
            Some(done) => Poll::Ready(done),
            None => {
                call.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        self.net.0.lock().calls.remove(&self.id);
    }
}

struct SimListener {
    net: Net,
    member: MemberNumber,
}

impl Accept for SimListener {
    fn accept<'a>(&'a mut self) -> Boxed<'a, io::Result<Box<dyn Duplex>>> {
        Box::pin(poll_fn(|context| {
            let mut inner = self.net.0.lock();
            let Some(listener) = inner.listeners.get_mut(&self.member) else {
                return Poll::Pending;
            };
            let Some((input, output)) = listener.arrived.pop_front() else {
                listener.waker = Some(context.waker().clone());
                return Poll::Pending;
            };
            let net = self.net.clone();
            Poll::Ready(Ok(
                Box::new(SimStream { net, input, output }) as Box<dyn Duplex>
            ))
        }))
    }
}

/// One end of a connection.
struct SimStream {
    net: Net,
    input: u64,
    output: u64,
}

impl AsyncRead for SimStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut inner = self.net.0.lock();
        let Some(pipe) = inner.pipes.get_mut(&self.input) else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        };
        if !pipe.arrived.is_empty() {
            let (front, _) = pipe.arrived.as_slices();
            let take = buffer.remaining().min(front.len());
            buffer.put_slice(&front[..take]);
            drop(pipe.arrived.drain(..take));
            return Poll::Ready(Ok(()));
        }
        match pipe.end {
            Some(io::ErrorKind::UnexpectedEof) => Poll::Ready(Ok(())),
            Some(kind) => Poll::Ready(Err(kind.into())),
            None => {
                pipe.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let parcel = Parcel::Bytes(bytes.to_vec());
        match self.net.0.lock().send(self.output, parcel) {
            // There never will be room, so nobody is woken.
            Ok(false) => Poll::Pending,
            sent => Poll::Ready(sent.map(|_| bytes.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        let mut inner = self.net.0.lock();
        inner.pipes.remove(&self.input);
        drop(inner.send(self.output, Parcel::End(io::ErrorKind::UnexpectedEof)));
    }
}
