//! Links over a network that goes silent, on simulated time.

use std::sync::Arc;

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::super::{
    Accept, Acquaintances, Boxed, Duplex, Frame, Gate, Hello, Published, Service, Session,
    Transport, serve,
};
use super::*;
use crate::limits::FEATURE_LEVEL;
use crate::types::MemberId;

const MILLI: Duration = Duration::from_millis(1);

/// Which directions are silent: there, back. What was under way then never arrives, and the
/// connections it was on never come back.
type Cut = (bool, bool);

#[derive(Clone)]
struct Net {
    cut: watch::Sender<Cut>,
    arrivals: mpsc::UnboundedSender<DuplexStream>,
    delay: Duration,
}

impl Net {
    fn set(&self, cut: Cut) {
        self.cut.send_replace(cut);
    }

    fn pump(
        &self,
        mut from: impl AsyncReadExt + Unpin + Send + 'static,
        mut to: impl AsyncWriteExt + Unpin + Send + 'static,
        is_cut: fn(&Cut) -> bool,
    ) {
        let (mut cut, delay) = (self.cut.subscribe(), self.delay);
        tokio::spawn(async move {
            let mut bytes = [0; 4_096];
            loop {
                let silent = async { drop(cut.wait_for(is_cut).await) };
                let read = tokio::select! {
                    biased;
                    () = silent => None,
                    read = from.read(&mut bytes) => Some(read),
                };
                let Some(read) = read else {
                    return std::future::pending().await;
                };
                match read {
                    Ok(read) if read > 0 => {
                        tokio::time::sleep(delay).await;
                        if to.write_all(&bytes[..read]).await.is_err() {
                            return;
                        }
                    }
                    _ => return drop(to.shutdown().await),
                }
            }
        });
    }
}

impl Transport for Net {
    fn connect<'a>(&'a self, _address: &'a str) -> Boxed<'a, std::io::Result<Box<dyn Duplex>>> {
        Box::pin(async move {
            if *self.cut.borrow() != (false, false) {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(2 * self.delay).await;
            let (ours, near) = duplex(1 << 20);
            let (far, theirs) = duplex(1 << 20);
            let (near_in, near_out) = tokio::io::split(near);
            let (far_in, far_out) = tokio::io::split(far);
            self.pump(near_in, far_out, |cut| cut.0);
            self.pump(far_in, near_out, |cut| cut.1);
            let closed = |_| std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
            self.arrivals.send(theirs).map_err(closed)?;
            Ok(Box::new(ours) as Box<dyn Duplex>)
        })
    }

    fn listen<'a>(&'a self, _address: &'a str) -> Boxed<'a, std::io::Result<Box<dyn Accept>>> {
        Box::pin(async { Err(std::io::ErrorKind::Unsupported.into()) })
    }
}

struct Arrivals(mpsc::UnboundedReceiver<DuplexStream>);

impl Accept for Arrivals {
    fn accept<'a>(&'a mut self) -> Boxed<'a, std::io::Result<Box<dyn Duplex>>> {
        Box::pin(async move {
            match self.0.recv().await {
                Some(stream) => Ok(Box::new(stream) as Box<dyn Duplex>),
                None => std::future::pending().await,
            }
        })
    }
}

/// Answers what it was asked, but for barriers, which it never answers.
struct Echo(Arc<Mutex<Vec<Bytes>>>);

struct Echoing(Arc<Mutex<Vec<Bytes>>>, mpsc::Sender<Frame>);

impl Service for Echo {
    type Session = Echoing;

    fn session(&self, _member: MemberId, answers: mpsc::Sender<Frame>) -> Echoing {
        Echoing(self.0.clone(), answers)
    }
}

impl Session for Echoing {
    async fn handle(&mut self, frame: Frame) -> std::io::Result<()> {
        self.0.lock().push(frame.payload.clone());
        if frame.kind != Kind::Barrier {
            drop(self.1.send(frame).await);
        }
        Ok(())
    }

    async fn ended(&self) {
        std::future::pending().await
    }
}

struct Pair {
    net: Net,
    link: Link,
    handled: Arc<Mutex<Vec<Bytes>>>,
    server: JoinHandle<()>,
    _dirs: [TempDir; 2],
}

fn pair(delay: Duration) -> Pair {
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("temp dir"));
    let side = |member: MemberId, dir: &TempDir| {
        let opened = Acquaintances::open(
            dir.path(),
            member,
            vec![1, 2],
            Published::says(None, FEATURE_LEVEL),
            Box::new(|_| {}),
        );
        Arc::new(opened.expect("opens"))
    };
    let hello = |member, target| Hello {
        cluster: 7,
        member,
        incarnation: member,
        feature_level: FEATURE_LEVEL,
        target,
        settings: 0,
    };
    let (arrivals, receiver) = mpsc::unbounded_channel();
    let net = Net {
        cut: watch::Sender::new((false, false)),
        arrivals,
        delay,
    };
    let (gate, handled) = (Gate::default(), Arc::new(Mutex::new(Vec::new())));
    gate.open(Arc::new(Echo(handled.clone())));
    let listener = Box::new(Arrivals(receiver));
    let server = tokio::spawn(serve(listener, hello(2, 0), side(2, &dirs[1]), gate));
    let link = Link::new(Dialler {
        transport: Arc::new(net.clone()),
        acquaintances: side(1, &dirs[0]),
        addresses: vec!["there".into()],
        ours: hello(1, 2),
    });
    Pair {
        net,
        link,
        handled,
        server,
        _dirs: dirs,
    }
}

impl Pair {
    async fn ask(&self) -> Result<Bytes, LinkError> {
        let payload = Bytes::from_static(b"question");
        self.link
            .call(Kind::Publish, payload, 10 * 1_000 * MILLI)
            .await
    }

    /// How long until a call is answered, asking again and again.
    async fn answered_after(&self) -> Duration {
        let began = Instant::now();
        while self.ask().await.is_err() {
            tokio::time::sleep(10 * MILLI).await;
        }
        began.elapsed()
    }
}

/// A frozen connection was never replaced, and one that was cut came back when TCP did.
#[tokio::test(start_paused = true)]
async fn healed_is_healed_whatever_the_cut() {
    for cut in [(true, true), (true, false), (false, true)] {
        for lasts in [300, 700, 1_000, 2_000, 15_000] {
            let pair = pair(MILLI);
            pair.ask().await.expect("answered");
            pair.net.set(cut);
            tokio::time::sleep(lasts * MILLI).await;
            pair.net.set((false, false));
            let after = pair.answered_after().await;
            assert!(after < 1_000 * MILLI, "{cut:?} for {lasts} ms: {after:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_that_breaks_again_and_again_comes_back_between() {
    let pair = pair(MILLI);
    for _ in 0..10 {
        pair.net.set((true, true));
        tokio::time::sleep(2_000 * MILLI).await;
        pair.net.set((false, false));
        let after = pair.answered_after().await;
        assert!(after < 500 * MILLI, "{after:?}");
        tokio::time::sleep(2_000 * MILLI - after).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_under_way_on_a_silent_connection_is_lost_soon() {
    let pair = pair(MILLI);
    pair.ask().await.expect("answered");
    pair.net.set((true, false));
    let began = Instant::now();
    assert!(matches!(pair.ask().await, Err(LinkError::Lost)));
    assert!(began.elapsed() < 1_500 * MILLI, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_away_is_asked_for_a_second_and_then_refused_at_once() {
    let pair = pair(MILLI);
    pair.net.set((true, true));
    let began = Instant::now();
    assert!(matches!(pair.ask().await, Err(LinkError::NotSent(_))));
    assert!(began.elapsed() <= PATIENCE + 10 * MILLI);
    let began = Instant::now();
    assert!(matches!(pair.ask().await, Err(LinkError::NotSent(_))));
    assert!(began.elapsed() < 10 * MILLI);
    pair.net.set((false, false));
    assert!(pair.answered_after().await <= ATTEMPT_INTERVAL + 20 * MILLI);
    assert_eq!(pair.handled.lock().len(), 1, "what was refused is not sent");
}

#[tokio::test(start_paused = true)]
async fn a_far_peer_is_reached_and_kept() {
    let pair = pair(300 * MILLI);
    let after = pair.answered_after().await;
    assert!(after < 2_500 * MILLI, "{after:?}");
    for _ in 0..100 {
        pair.ask().await.expect("the same connection");
    }
    // An answer that takes its time is no silence.
    let waiting = pair.link.start(Kind::Barrier, Bytes::new());
    tokio::time::sleep(30_000 * MILLI).await;
    pair.ask().await.expect("the same connection");
    drop(waiting);
}

#[tokio::test(start_paused = true)]
async fn requests_that_wait_have_a_bound_and_are_sent_in_order() {
    let pair = pair(MILLI);
    let number = |n: usize| Bytes::from(n.to_string());
    let many = 4 * CALLS_MAX;
    let started: Vec<_> = (0..many)
        .map(|n| pair.link.start(Kind::Publish, number(n)))
        .collect();
    let mut sent = Vec::new();
    for (n, answer) in started.into_iter().enumerate() {
        match answer.await.expect("an answer") {
            Ok(answer) => sent.push((n, answer)),
            Err(error) => assert!(matches!(error, LinkError::NotSent(_)), "{error}"),
        }
    }
    assert_eq!(sent.len(), CALLS_MAX);
    assert!(sent.iter().all(|(n, answer)| *answer == number(*n)));
    let handled = pair.handled.lock();
    assert_eq!(*handled, (0..CALLS_MAX).map(number).collect::<Vec<_>>());
}

/// Half a frame from somebody without a name costs its connection after a moment.
#[tokio::test(start_paused = true)]
async fn strangers_are_given_little_time() {
    let pair = pair(MILLI);
    let (mut ours, theirs) = duplex(64);
    pair.net.arrivals.send(theirs).expect("accepts");
    ours.write_all(b"quorate1").await.expect("sent");
    let began = Instant::now();
    let mut bytes = Vec::new();
    // Its hello comes, then the end.
    ours.read_to_end(&mut bytes).await.expect("an end");
    assert!(began.elapsed() < 4_000 * MILLI);
    pair.ask().await.expect("members are served");
    assert!(!pair.server.is_finished());
}
