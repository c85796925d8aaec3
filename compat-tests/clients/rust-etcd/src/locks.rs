//! The lock and election services, which do on the server what other clients do themselves.

use std::time::{Duration, Instant};

use etcd_client::{Client, GetOptions, LockOptions, ProclaimOptions, ResignOptions};

use crate::check::{Outcome, equal, pairs, refused, revision};

/// For a waiter's key to be there; less than a scenario may take, so that the error says which.
const QUEUED_LIMIT: Duration = Duration::from_secs(10);

/// Held by one, refused to others, handed on at unlock and at the end of the lease.
pub async fn lock(mut client: Client) -> Outcome {
    let lease = client.lease_grant(30, None).await?.id();
    let other = client.lease_grant(30, None).await?.id();
    let with = |lease: i64| Some(LockOptions::new().with_lease(lease));
    let held = client.lock("lock", with(lease)).await?;
    equal(
        "key",
        String::from_utf8_lossy(held.key()).into_owned(),
        format!("lock/{lease:x}"),
    )?;
    let again = client.lock("lock", with(lease)).await?;
    equal("one lease holds it once", again.key(), held.key())?;
    let mut second = client.clone();
    let waiting = tokio::spawn(async move { second.lock("lock", with(other)).await });
    queued(&mut client, 2).await?;
    equal("two hold one lock", waiting.is_finished(), false)?;
    client.unlock(held.key()).await?;
    let taken = waiting.await??;
    equal(
        "handed on",
        pairs(&client.get(taken.key(), None).await?).is_empty(),
        false,
    )?;
    client.lease_revoke(other).await?;
    let third = client.lock("lock", with(lease)).await?;
    client.unlock(third.key()).await?;
    let missing = "etcdserver: requested lease not found";
    let refusal = client.lock("lock", with(99)).await;
    // The service passes the lease's own error on without a code.
    refused("no such lease", refusal, "Unknown", missing)
}

/// Waits until `count` keys stand in line for the lock.
async fn queued(client: &mut Client, count: i64) -> Outcome {
    let options = GetOptions::new().with_prefix().with_count_only();
    let begun = Instant::now();
    loop {
        let stand = client.get("lock/", Some(options.clone())).await?.count();
        if stand >= count {
            return Ok(());
        }
        if begun.elapsed() > QUEUED_LIMIT {
            return Err(format!("in line are {stand}, not {count}, after {QUEUED_LIMIT:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Campaign, leader, proclaim, observe, resign, succession.
pub async fn election(mut client: Client) -> Outcome {
    let lease = client.lease_grant(30, None).await?.id();
    let other = client.lease_grant(30, None).await?.id();
    let none = client.leader("race").await;
    refused("nobody leads", none, "Unknown", "election: no leader")?;
    let won = client.campaign("race", "alpha", lease).await?;
    let leader = won.leader().ok_or("no leader key")?.clone();
    let seen = (leader.name().to_vec(), leader.lease());
    equal("leader key", seen, (b"race".to_vec(), lease))?;
    equal("its revision", leader.rev(), revision(won.header())?)?;
    let mut observed = client.observe("race").await?;
    let mut second = client.clone();
    let waiting = tokio::spawn(async move { second.campaign("race", "beta", other).await });
    let first = observed.message().await?.ok_or("the stream ended")?;
    equal(
        "seen",
        first.kv().map(|kv| kv.value().to_vec()),
        Some(b"alpha".to_vec()),
    )?;
    let again = ProclaimOptions::new().with_leader(leader.clone());
    client.proclaim("alpha again", Some(again)).await?;
    let next = observed.message().await?.ok_or("the stream ended")?;
    equal(
        "proclaimed",
        next.kv().map(|kv| kv.value().to_vec()),
        Some(b"alpha again".to_vec()),
    )?;
    client
        .resign(Some(ResignOptions::new().with_leader(leader.clone())))
        .await?;
    waiting.await??;
    let next = observed.message().await?.ok_or("the stream ended")?;
    equal(
        "succeeded",
        next.kv().map(|kv| kv.value().to_vec()),
        Some(b"beta".to_vec()),
    )?;
    let late = ProclaimOptions::new().with_leader(leader);
    let refusal = client.proclaim("alpha late", Some(late)).await;
    refused(
        "a former leader",
        refusal,
        "Unknown",
        "election: not leader",
    )
}
