//! Leases.

use std::time::{Duration, Instant};

use etcd_client::{Client, LeaseGrantOptions, LeaseTimeToLiveOptions, PutOptions, WatchOptions};

use crate::check::{Outcome, equal, events, pairs, refused, revision};

/// Grant with an id of the client's choice, keep-alive, attached keys, list, revoke.
pub async fn lease(mut client: Client) -> Outcome {
    const ID: i64 = 4242;
    let with_id = || Some(LeaseGrantOptions::new().with_id(ID));
    let granted = client.lease_grant(30, with_id()).await?;
    equal("granted", (granted.id(), granted.ttl()), (ID, 30))?;
    let again = client.lease_grant(30, with_id()).await;
    let text = "etcdserver: lease already exists";
    refused("granted again", again, "FailedPrecondition", text)?;
    client
        .put("lease/a", "x", Some(PutOptions::new().with_lease(ID)))
        .await?;
    let with_keys = LeaseTimeToLiveOptions::new().with_keys();
    let left = client.lease_time_to_live(ID, Some(with_keys)).await?;
    let keys = left.keys().to_vec();
    equal(
        "keys",
        (left.granted_ttl(), keys),
        (30, vec![b"lease/a".to_vec()]),
    )?;
    let (mut keeper, mut answers) = client.lease_keep_alive(ID).await?;
    keeper.keep_alive().await?;
    let kept = answers.message().await?.ok_or("the stream ended")?;
    equal("kept", (kept.id(), kept.ttl()), (ID, 30))?;
    let listed = client.leases().await?;
    equal(
        "listed",
        listed.leases().iter().any(|lease| lease.id() == ID),
        true,
    )?;
    client.lease_revoke(ID).await?;
    equal(
        "its key is gone",
        pairs(&client.get("lease/a", None).await?),
        String::new(),
    )?;
    let left = client.lease_time_to_live(ID, None).await?;
    equal(
        "left of a revoked lease",
        (left.ttl(), left.granted_ttl()),
        (-1, 0),
    )?;
    let missing = "etcdserver: requested lease not found";
    refused(
        "revoked again",
        client.lease_revoke(ID).await,
        "NotFound",
        missing,
    )
}

/// A lease that nobody keeps ends, and not before its time.
pub async fn expiry(mut client: Client) -> Outcome {
    let begun = Instant::now();
    let lease = client.lease_grant(2, None).await?.id();
    let put = client
        .put("expiry", "x", Some(PutOptions::new().with_lease(lease)))
        .await?;
    let from = WatchOptions::new().with_start_revision(revision(put.header())? + 1);
    let mut stream = client.watch("expiry", Some(from)).await?;
    equal(
        "expiry",
        events(&mut stream, 1).await?.as_str(),
        "Delete expiry=",
    )?;
    let lived = begun.elapsed();
    if lived < Duration::from_secs(2) {
        return Err(format!("a lease of 2 s lived {lived:?}").into());
    }
    Ok(())
}
