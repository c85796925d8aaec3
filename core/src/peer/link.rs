//! The calling side of a connection: requests leave in the order they were started, answers come
//! back by id. Connects when there is something to send, and again at once when a connection is
//! lost; that fails what was under way, and says whether it may have arrived.
//!
//! Between: a call waits for the first attempts to connect, not longer. While the peer is known to
//! be away calls are refused at once, and attempts go on as long as somebody asks.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use super::call::{Call, LinkError};
use super::conversation::{self, Ended};
use super::dial::{ATTEMPT_INTERVAL, Dialled, Dialler};
use super::frame::Kind;
use crate::types::MemberId;

/// Calls that wait to be sent.
const CALLS_MAX: usize = 1_024;
/// How long calls wait for a connection before the peer is taken to be away.
const PATIENCE: Duration = Duration::from_secs(1);
/// Attempts end when nobody has asked for so long.
const IDLE: Duration = Duration::from_secs(5);

/// A handle; its connection ends with the last clone.
#[derive(Clone)]
pub(crate) struct Link {
    calls: mpsc::Sender<Call>,
    presence: Arc<Presence>,
}

/// Whether the peer was silent, or not reached, when it was last tried.
struct Presence {
    is_away: AtomicBool,
    /// Who is meant, where the log is told of it.
    told: Option<MemberId>,
}

impl Presence {
    fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    fn comes(&self) {
        let was_away = self.is_away.swap(false, Ordering::Relaxed);
        if let Some(member) = self.told.filter(|_| was_away) {
            let member = format_args!("{member:x}");
            tracing::info!(target: "peer", member, "peer became active");
        }
    }

    fn goes(&self, why: &str) {
        let was_away = self.is_away.swap(true, Ordering::Relaxed);
        if let Some(member) = self.told.filter(|_| !was_away) {
            let member = format_args!("{member:x}");
            tracing::warn!(target: "peer", member, why, "peer became inactive");
        }
    }
}

impl Link {
    pub(crate) fn new(dialler: Dialler) -> Link {
        Link::start_new(dialler, None)
    }

    /// As `new`; of several to a peer the one that tells the log when it comes and goes.
    pub(crate) fn telling(dialler: Dialler) -> Link {
        let member = dialler.ours.target;
        Link::start_new(dialler, Some(member))
    }

    fn start_new(dialler: Dialler, told: Option<MemberId>) -> Link {
        let (calls, receiver) = mpsc::channel(CALLS_MAX);
        let is_away = AtomicBool::new(false);
        let presence = Arc::new(Presence { is_away, told });
        tokio::spawn(run(dialler, receiver, presence.clone()));
        Link { calls, presence }
    }

    pub(crate) fn is_away(&self) -> bool {
        self.presence.is_away()
    }

    /// Queues a request now, or refuses it when too many wait; the order of calls is the order on
    /// the wire.
    pub(crate) fn start(
        &self,
        kind: Kind,
        payload: Bytes,
    ) -> oneshot::Receiver<Result<Bytes, LinkError>> {
        let (answer, receiver) = oneshot::channel();
        let call = Call {
            kind,
            payload,
            answer,
        };
        match self.calls.try_send(call) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(call)) => {
                call.refuse("too many requests wait for it");
            }
            Err(mpsc::error::TrySendError::Closed(call)) => {
                call.refuse("this member is stopping");
            }
        }
        receiver
    }

    pub(crate) async fn call(
        &self,
        kind: Kind,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, LinkError> {
        match tokio::time::timeout(timeout, self.start(kind, payload)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(LinkError::Lost),
        }
    }
}

async fn run(dialler: Dialler, mut calls: mpsc::Receiver<Call>, presence: Arc<Presence>) {
    while let Some(first) = calls.recv().await {
        let mut dialling = Dialling {
            dialler: &dialler,
            calls: &mut calls,
            waiting: VecDeque::from([first]),
            away: None,
            presence: &presence,
            asked: Instant::now(),
            not_before: Instant::now(),
        };
        while let Some(dialled) = dialling.connect().await {
            // One that is lost at once is not made again at once.
            dialling.not_before = Instant::now() + ATTEMPT_INTERVAL;
            let waiting = std::mem::take(&mut dialling.waiting);
            presence.comes();
            match conversation::hold(dialled, waiting, dialling.calls).await {
                Ended::ByUs => return,
                Ended::Silent => presence.goes("no answer"),
                Ended::Lost => {}
            }
            (dialling.away, dialling.asked) = (None, Instant::now());
        }
    }
}

type Attempt = Pin<Box<dyn Future<Output = io::Result<Dialled>> + Send>>;

/// Without a connection.
struct Dialling<'a> {
    dialler: &'a Dialler,
    calls: &'a mut mpsc::Receiver<Call>,
    waiting: VecDeque<Call>,
    /// Why calls are refused.
    away: Option<String>,
    presence: &'a Presence,
    /// When somebody last asked for it.
    asked: Instant,
    not_before: Instant,
}

impl Dialling<'_> {
    /// None once nobody asks any more.
    async fn connect(&mut self) -> Option<Dialled> {
        let mut attempts: FuturesUnordered<Attempt> = FuturesUnordered::new();
        let mut due = tokio::time::interval_at(self.not_before, ATTEMPT_INTERVAL);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let patience = tokio::time::sleep(PATIENCE);
        tokio::pin!(patience);
        let mut nth = 0;
        loop {
            tokio::select! {
                biased;
                Some(ended) = attempts.next() => match ended {
                    Ok(dialled) => return Some(dialled),
                    Err(error) => self.give_up(error.to_string()),
                },
                call = self.calls.recv() => self.take(call?),
                _ = due.tick() => {
                    if self.asked.elapsed() > IDLE {
                        return None;
                    }
                    attempts.push(Box::pin(self.dialler.clone().attempt(nth)));
                    nth += 1;
                }
                () = &mut patience, if self.away.is_none() => self.give_up("no answer".into()),
            }
        }
    }

    fn take(&mut self, call: Call) {
        self.asked = Instant::now();
        match &self.away {
            Some(why) => call.refuse(why),
            None => self.waiting.push_back(call),
        }
    }

    fn give_up(&mut self, why: String) {
        self.presence.goes(&why);
        self.waiting.drain(..).for_each(|call| call.refuse(&why));
        self.away = Some(why);
    }
}

#[cfg(test)]
mod tests;
