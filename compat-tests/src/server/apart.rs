//! Members that are far from each other, though they run here: what they send passes relays that
//! deliver it late. Now and then something is lost and sent again, as TCP does it, and what was
//! sent after it waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::trouble::Trouble;

/// After so long, beyond the round trip, what was lost is sent again.
const SENT_AGAIN: Duration = Duration::from_millis(200);
const CHUNK_BYTES: usize = 64 << 10;

/// How far members are from each other.
#[derive(Clone, Copy, Debug)]
pub struct Distance {
    pub round_trip: Duration,
    /// Of a hundred pieces so many are lost.
    pub lost_percent: u32,
}

impl Distance {
    /// Nothing is lost on the way.
    pub const fn of(round_trip: Duration) -> Distance {
        Distance {
            round_trip,
            lost_percent: 0,
        }
    }
}

/// The relays of a cluster; they end when it is dropped.
pub(super) struct Relays {
    runtime: Runtime,
    distance: Distance,
    loses: Arc<AtomicBool>,
}

impl Relays {
    pub(super) fn new(distance: Distance) -> Result<Relays, Trouble> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| Trouble::broken("the relays' thread", error))?;
        Ok(Relays {
            runtime,
            distance,
            loses: Arc::default(),
        })
    }

    /// Who connects to `from` speaks with `to`.
    pub(super) fn relay(&self, from: u16, to: u16) -> Result<(), Trouble> {
        let listener = self
            .runtime
            .block_on(TcpListener::bind(("127.0.0.1", from)));
        let listener = listener.map_err(|error| Trouble::broken("a relay's port", error))?;
        let (distance, loses) = (self.distance, self.loses.clone());
        self.runtime.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(connection(near, to, distance, loses.clone()));
            }
        });
        Ok(())
    }

    /// From now on things are lost.
    pub(super) fn lose(&self) {
        self.loses.store(true, Ordering::SeqCst);
    }
}

async fn connection(near: TcpStream, to: u16, distance: Distance, loses: Arc<AtomicBool>) {
    // The handshake takes a round trip.
    tokio::time::sleep(distance.round_trip).await;
    let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await else {
        return;
    };
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_in, mut far_out) = far.into_split();
    tokio::join!(
        pass(&mut near_in, &mut far_out, distance, &loses),
        pass(&mut far_in, &mut near_out, distance, &loses)
    );
}

async fn pass(
    input: &mut (impl AsyncReadExt + Unpin),
    output: &mut (impl AsyncWriteExt + Unpin),
    distance: Distance,
    loses: &AtomicBool,
) {
    let (sender, mut under_way) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let reading = async move {
        let mut chunk = vec![0; CHUNK_BYTES];
        while let Ok(length @ 1..) = input.read(&mut chunk).await {
            let is_lost = loses.load(Ordering::SeqCst)
                && rand::rng().random_range(0..100) < distance.lost_percent;
            let late = match is_lost {
                true => distance.round_trip + SENT_AGAIN,
                false => Duration::ZERO,
            };
            let due = Instant::now() + distance.round_trip / 2 + late;
            if sender.send((due, chunk[..length].to_vec())).is_err() {
                return;
            }
        }
    };
    let writing = async {
        while let Some((due, bytes)) = under_way.recv().await {
            sleep_until(due).await;
            if output.write_all(&bytes).await.is_err() {
                return;
            }
        }
        // The other end hears of the end.
        let _ = output.shutdown().await;
    };
    tokio::join!(reading, writing);
}
