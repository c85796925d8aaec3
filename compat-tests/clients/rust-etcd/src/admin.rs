//! Status, hashes, members, and compaction.

use etcd_client::{AlarmAction, AlarmType, Client, CompactionOptions, GetOptions, WatchOptions};

use crate::check::{Outcome, equal, pairs, refused, revision};

/// What a member says of itself and of its cluster.
pub async fn maintenance(mut client: Client) -> Outcome {
    let now = revision(client.put("maintenance", "1", None).await?.header())?;
    let status = client.status().await?;
    equal("version", status.version(), "3.7.1")?;
    let filled = status.leader() != 0 && status.raft_index() != 0 && status.db_size() > 0;
    equal("leader, index and size", filled, true)?;
    let members = client.member_list().await?;
    let names: Vec<&str> = members
        .members()
        .iter()
        .map(|member| member.name())
        .collect();
    equal("members", names.contains(&"m1"), true)?;
    let alarms = client
        .alarm(AlarmAction::Get, AlarmType::None, None)
        .await?;
    equal("alarms", alarms.alarms().len(), 0)?;
    let hash = client.hash_kv(0).await?.hash();
    equal(
        "the hash of one revision",
        client.hash_kv(now).await?.hash(),
        hash,
    )?;
    client.hash().await?;
    Ok(())
}

/// What a compaction forgets and refuses.
pub async fn compact(mut client: Client) -> Outcome {
    client.put("compact", "1", None).await?;
    let last = revision(client.put("compact", "2", None).await?.header())?;
    client
        .compact(last, Some(CompactionOptions::new().with_physical()))
        .await?;
    let at = |revision: i64| Some(GetOptions::new().with_revision(revision));
    equal(
        "kept",
        pairs(&client.get("compact", at(last)).await?).as_str(),
        "compact=2",
    )?;
    let text = "etcdserver: mvcc: required revision has been compacted";
    refused(
        "before it",
        client.get("compact", at(last - 1)).await,
        "OutOfRange",
        text,
    )?;
    refused(
        "again",
        client.compact(last, None).await,
        "OutOfRange",
        text,
    )?;
    let from = WatchOptions::new().with_start_revision(1);
    let mut stream = client.watch("compact", Some(from)).await?;
    let created = stream.message().await?.ok_or("the stream ended")?;
    equal("created", created.created(), true)?;
    let cancelled = stream.message().await?.ok_or("the stream ended")?;
    let seen = (cancelled.canceled(), cancelled.compact_revision());
    equal(
        "cancelled and told where history starts",
        seen,
        (true, last),
    )
}
