//! One keep-alive stream that stays open: a key under a lease that is renewed every third of its
//! TTL, for as long as this program runs.
//!
//! Prints `granted ID` once and `kept TTL` for every answer. Whatever a program of this kind would
//! see as trouble (an error, the end of the stream, a lease that is gone) ends it with that text.

use std::time::Duration;

use etcd_client::{Client, PutOptions};

use crate::check::Outcome;

pub async fn keep_alive(mut client: Client, key: &str, ttl: u64) -> Outcome {
    let lease = client.lease_grant(ttl as i64, None).await?.id();
    let under_lease = Some(PutOptions::new().with_lease(lease));
    client.put(key, lease.to_string(), under_lease).await?;
    println!("granted {lease}");
    let (mut keeper, mut answers) = client.lease_keep_alive(lease).await?;
    let mut due = tokio::time::interval(Duration::from_secs(ttl) / 3);
    loop {
        due.tick().await;
        keeper.keep_alive().await?;
        let answer = answers.message().await?.ok_or("the stream ended")?;
        if answer.ttl() <= 0 {
            return Err("the lease is gone".into());
        }
        println!("kept {}", answer.ttl());
    }
}
