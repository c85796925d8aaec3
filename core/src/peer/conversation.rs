//! One connection of the calling side, until it fails; then everything under way is `Lost`.
//!
//! A connection can fall silent without an end: a cable, a firewall that forgot it, a stopped
//! machine. TCP finds out too late, so `Alive` is sent in short intervals and heard back, and a
//! connection on which nothing is heard for longer than the round trips allow is given up. Anything
//! that comes in counts as heard; the other side says so while a long frame is coming in there.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::call::{Call, LinkError};
use super::dial::Dialled;
use super::frame::{Frame, FrameReader, Kind};
#[cfg(feature = "mutants")]
use crate::mutants::{self, Mutant};

/// Bytes gathered for writing.
const WRITE_BYTES_MAX: usize = 1 << 20;
/// Calls under way at once; the other side takes as many.
pub(super) const PENDING_MAX: usize = 256;
/// How often `Alive` is sent.
pub(super) const PULSE: Duration = Duration::from_millis(200);
/// What a peer that is near may be silent.
const SILENCE: Duration = Duration::from_millis(800);
/// How much longer for each round trip, so that one loss does not count.
const ROUND_TRIPS: u32 = 3;
/// An answer that takes so long never comes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Nobody calls any more.
    ByUs,
    Lost,
    /// Given up, for it said nothing.
    Silent,
}

struct Conversation {
    pending: HashMap<u64, Call>,
    /// The calls under way by age, some answered already.
    started: VecDeque<(u64, Instant)>,
    out: Vec<u8>,
    next_id: u64,
    pulses: Pulses,
}

/// What is heard of the other side, and how long it may be silent.
struct Pulses {
    heard: Instant,
    sent: VecDeque<(u64, Instant)>,
    round_trip: Duration,
    due: Instant,
}

impl Pulses {
    fn new(now: Instant, round_trip: Duration) -> Pulses {
        Pulses {
            heard: now,
            sent: VecDeque::new(),
            round_trip,
            due: now + PULSE,
        }
    }

    fn is_silent(&self, now: Instant) -> bool {
        now > self.heard + SILENCE + self.round_trip * ROUND_TRIPS
    }

    /// It is time for a pulse. Who comes late to it was held up itself, and could not listen.
    fn beat(&mut self, now: Instant) {
        let late = now.saturating_duration_since(self.due);
        self.heard = now.min(self.heard + late);
        self.due = now + PULSE;
    }

    fn sent(&mut self, now: Instant, id: u64) {
        self.sent.push_back((id, now));
    }

    /// A pulse has come back: the longest round trip is remembered for a while.
    fn returned(&mut self, now: Instant, id: u64) {
        while let Some((sent, at)) = self.sent.front().copied().filter(|(sent, _)| *sent <= id) {
            self.sent.pop_front();
            if sent == id {
                let faded = self.round_trip * 3 / 4;
                self.round_trip = faded.max(now - at);
            }
        }
    }
}

/// Runs a connection that was just made; `waiting` goes first.
pub(super) async fn hold(
    dialled: Dialled,
    waiting: VecDeque<Call>,
    calls: &mut mpsc::Receiver<Call>,
) -> Ended {
    let mut conversation = Conversation {
        pending: HashMap::new(),
        started: VecDeque::new(),
        out: Vec::new(),
        next_id: 0,
        pulses: Pulses::new(Instant::now(), dialled.round_trip),
    };
    waiting
        .into_iter()
        .for_each(|call| conversation.enqueue(call));
    let ended = conversation.run(dialled, calls).await;
    for call in conversation.pending.into_values() {
        // Who has gone needs no answer.
        let _ = call.answer.send(Err(LinkError::Lost));
    }
    ended
}

impl Conversation {
    async fn run(&mut self, dialled: Dialled, calls: &mut mpsc::Receiver<Call>) -> Ended {
        let (input, mut output) = tokio::io::split(dialled.stream);
        let mut input = FrameReader::new(input);
        let mut pulse = tokio::time::interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pulse.reset();
        let mut written = 0;
        loop {
            if written == self.out.len() {
                self.out.clear();
                self.out.shrink_to(WRITE_BYTES_MAX);
                written = 0;
            }
            let is_writing = written < self.out.len();
            let has_room = self.out.len() < WRITE_BYTES_MAX && self.pending.len() < PENDING_MAX;
            tokio::select! {
                biased;
                read = input.next() => match read {
                    Ok(frame) => self.hear(frame),
                    Err(_) => return Ended::Lost,
                },
                wrote = output.write(&self.out[written..]), if is_writing => match wrote {
                    Ok(0) | Err(_) => return Ended::Lost,
                    Ok(bytes) => written += bytes,
                },
                call = calls.recv(), if has_room => match call {
                    Some(call) => self.gather(call, calls),
                    None => return Ended::ByUs,
                },
                _ = pulse.tick() => if !self.beat() {
                    return Ended::Silent;
                },
            }
        }
    }

    fn hear(&mut self, frame: Option<Frame>) {
        let now = Instant::now();
        self.pulses.heard = now;
        match frame {
            Some(frame) if frame.kind == Kind::Alive => self.pulses.returned(now, frame.id),
            Some(frame) => {
                if let Some(call) = self.pending.remove(&frame.id) {
                    // Who has gone needs no answer.
                    let _ = call.answer.send(Ok(frame.payload));
                }
            }
            None => {}
        }
    }

    /// What has gathered leaves in one write.
    fn gather(&mut self, first: Call, calls: &mut mpsc::Receiver<Call>) {
        self.enqueue(first);
        while self.out.len() < WRITE_BYTES_MAX
            && self.pending.len() < PENDING_MAX
            && let Ok(call) = calls.try_recv()
        {
            self.enqueue(call);
        }
    }

    fn enqueue(&mut self, mut call: Call) {
        // Nobody waits for it, and it was not sent.
        if call.answer.is_closed() {
            return;
        }
        self.next_id += 1;
        let payload = std::mem::take(&mut call.payload);
        self.write(call.kind, payload);
        self.started.push_back((self.next_id, Instant::now()));
        self.pending.insert(self.next_id, call);
    }

    fn write(&mut self, kind: Kind, payload: Bytes) {
        let frame = Frame {
            id: self.next_id,
            kind,
            payload,
        };
        frame.encode(&mut self.out);
    }

    /// Whether the connection is worth going on with.
    fn beat(&mut self) -> bool {
        let now = Instant::now();
        let is_answered = |id: &u64| !self.pending.contains_key(id);
        while self.started.front().is_some_and(|(id, _)| is_answered(id)) {
            self.started.pop_front();
        }
        let oldest = self.started.front().map(|(_, at)| *at);
        self.pulses.beat(now);
        // Behind so much that waits it would say nothing.
        if self.out.len() < WRITE_BYTES_MAX {
            self.next_id += 1;
            self.pulses.sent(now, self.next_id);
            self.write(Kind::Alive, Bytes::new());
        }
        #[cfg(feature = "mutants")]
        if mutants::is_on(Mutant::SilentConnections) {
            return true;
        }
        let is_overdue = oldest.is_some_and(|at| now > at + ANSWER_TIMEOUT);
        if is_overdue || self.pulses.is_silent(now) {
            tracing::debug!(target: "peer", is_overdue, "a silent connection is given up");
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn a_near_peer_is_silent_sooner_than_a_far_one() {
        let now = Instant::now();
        let (near, far) = (Pulses::new(now, MILLI), Pulses::new(now, 600 * MILLI));
        assert!(!near.is_silent(now + 800 * MILLI));
        assert!(near.is_silent(now + 900 * MILLI));
        assert!(!far.is_silent(now + 2_500 * MILLI));
        assert!(far.is_silent(now + 2_700 * MILLI));
    }

    #[test]
    fn a_slow_answer_is_remembered_for_a_while_only() {
        let start = Instant::now();
        let mut pulses = Pulses::new(start, MILLI);
        pulses.sent(start, 1);
        pulses.returned(start + 400 * MILLI, 1);
        assert_eq!(pulses.round_trip, 400 * MILLI);
        for id in 2..30 {
            let at = start + PULSE * id;
            pulses.sent(at, u64::from(id));
            pulses.returned(at + MILLI, u64::from(id));
        }
        assert_eq!(pulses.round_trip, MILLI);
        assert!(pulses.sent.is_empty());
    }

    #[test]
    fn who_was_held_up_itself_goes_on_listening() {
        let start = Instant::now();
        let mut pulses = Pulses::new(start, MILLI);
        let awake = start + Duration::from_secs(5);
        pulses.beat(awake);
        assert!(!pulses.is_silent(awake));
        assert!(pulses.is_silent(awake + Duration::from_secs(1)));
    }
}
