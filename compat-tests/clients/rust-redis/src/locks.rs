//! rslock with a list of one address, where its quorum is one.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, Client};
use rslock::LockManager;

use crate::check::{Outcome, equal};

fn manager(client: &Client) -> LockManager {
    LockManager::from_clients(vec![client.clone()])
}

pub async fn lock(client: &Client, server: &mut MultiplexedConnection) -> Outcome {
    let mut locks = manager(client);
    locks.set_retry(1, Duration::from_millis(1));
    let held = locks.lock("lock", Duration::from_secs(30)).await?;
    equal(
        "value",
        server.get::<_, Vec<u8>>("lock").await?,
        held.val.clone(),
    )?;
    let contended = locks.lock("lock", Duration::from_secs(1)).await;
    equal("contend", contended.is_err(), true)?;
    let held = locks.extend(&held, Duration::from_secs(60)).await?;
    let left: i64 = server.pttl("lock").await?;
    equal("extended", (30_001..=60_000).contains(&left), true)?;
    equal("freed", locks.is_freed(&held).await?, false)?;
    locks.unlock(&held).await;
    equal("released", server.exists::<_, bool>("lock").await?, false)?;
    let late = locks.extend(&held, Duration::from_secs(1)).await;
    equal("extended late", late.is_err(), true)
}

pub async fn lock_expiry(client: &Client, server: &mut MultiplexedConnection) -> Outcome {
    let mut locks = manager(client);
    locks.set_retry(500, Duration::from_millis(20));
    let start = Instant::now();
    let first = locks.lock("expiring", Duration::from_millis(300)).await?;
    let second = locks.lock("expiring", Duration::from_secs(30)).await?;
    // Redis ends it in whole milliseconds of its clock.
    equal("early", start.elapsed() < Duration::from_millis(298), false)?;
    locks.unlock(&first).await;
    equal(
        "still held",
        server.exists::<_, bool>("expiring").await?,
        true,
    )?;
    locks.unlock(&second).await;
    equal(
        "released",
        server.exists::<_, bool>("expiring").await?,
        false,
    )
}

pub async fn lock_exclusion(client: &Client, server: &mut MultiplexedConnection) -> Outcome {
    let _: () = server.set("count", 0).await?;
    let worker = || {
        let (client, mut server) = (client.clone(), server.clone());
        tokio::spawn(async move {
            let mut locks = manager(&client);
            locks.set_retry(2_000, Duration::from_millis(5));
            for _ in 0..20 {
                let held = locks.lock("exclusive", Duration::from_secs(30)).await?;
                let seen: i64 = server.get("count").await?;
                let _: () = server.set("count", seen + 1).await?;
                locks.unlock(&held).await;
            }
            Outcome::Ok(())
        })
    };
    let workers: Vec<_> = (0..4).map(|_| worker()).collect();
    for worker in workers {
        worker.await??;
    }
    equal("count", server.get::<_, i64>("count").await?, 80)
}
