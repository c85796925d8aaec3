//! Leases without number: they fill the store as keys do, and the space quota ends them.

use quorate_compat_tests::server::Ports;
use quorate_proto::etcdserverpb as pb;
use tokio::task::JoinSet;
use tonic::Status;

use crate::bystanders::channel;

/// Of the store: a little above what an empty one takes.
pub const QUOTA: &str = "--quota-backend-bytes=6000000";

/// Calls under way at once.
const CALLS: usize = 500;
/// As many would take far more than the quota, at eight bytes each.
const LEASES_MAX: usize = 1_000_000;
const TTL_SECONDS: i64 = 3_600;

pub async fn play(ports: Ports) {
    let channel = channel(ports.client).await;
    let mut calls = JoinSet::new();
    let mut granted = 0;
    let refused = loop {
        while calls.len() < CALLS {
            let mut leases = pb::lease_client::LeaseClient::new(channel.clone());
            calls.spawn(async move {
                let ttl = TTL_SECONDS;
                leases
                    .lease_grant(pb::LeaseGrantRequest { ttl, id: 0 })
                    .await
            });
        }
        match calls.join_next().await.expect("many are under way") {
            Ok(Ok(_)) => granted += 1,
            Ok(Err(refused)) => break refused,
            Err(error) => panic!("{error}"),
        }
        assert!(granted < LEASES_MAX, "nothing bounds them");
    };
    println!("{granted} leases");
    assert_eq!(
        said(&refused),
        "ResourceExhausted etcdserver: mvcc: database space exceeded"
    );
}

fn said(status: &Status) -> String {
    format!("{:?} {}", status.code(), status.message())
}
