//! Watches.

use etcd_client::{Client, WatchFilterType, WatchOptions};

use crate::check::{Outcome, equal, events, revision};

/// Events with previous values, a filter, and progress on demand.
pub async fn watch(mut client: Client) -> Outcome {
    let first = revision(client.put("watch/a", "1", None).await?.header())?;
    let all = || WatchOptions::new().with_prefix().with_start_revision(first);
    let mut stream = client.watch("watch/", Some(all().with_prev_key())).await?;
    let created = stream.message().await?.ok_or("the stream ended")?;
    equal(
        "created",
        (created.created(), created.canceled()),
        (true, false),
    )?;
    client.put("watch/a", "2", None).await?;
    client.delete("watch/a", None).await?;
    let want = "Put watch/a=1, Put watch/a=2 (was 1), Delete watch/a= (was 2)";
    equal("events", events(&mut stream, 3).await?.as_str(), want)?;
    stream.request_progress().await?;
    let progress = stream.message().await?.ok_or("the stream ended")?;
    equal("no events in it", progress.events().len(), 0)?;
    equal("progress", revision(progress.header())?, first + 2)?;
    let deletes = all().with_filters([WatchFilterType::NoPut]);
    let mut stream = client.watch("watch/", Some(deletes)).await?;
    equal(
        "filter",
        events(&mut stream, 1).await?.as_str(),
        "Delete watch/a=",
    )
}

/// Two watches on one stream with ids of the client's choice; one is cancelled, the other goes on.
pub async fn cancel(mut client: Client) -> Outcome {
    let mut stream = client
        .watch("one", Some(WatchOptions::new().with_watch_id(7)))
        .await?;
    let created = stream.message().await?.ok_or("the stream ended")?;
    equal(
        "first id",
        (created.created(), created.watch_id()),
        (true, 7),
    )?;
    stream
        .watch("two", Some(WatchOptions::new().with_watch_id(8)))
        .await?;
    let created = stream.message().await?.ok_or("the stream ended")?;
    equal(
        "second id",
        (created.created(), created.watch_id()),
        (true, 8),
    )?;
    stream.cancel(7).await?;
    let cancelled = stream.message().await?.ok_or("the stream ended")?;
    equal(
        "cancelled",
        (cancelled.canceled(), cancelled.watch_id()),
        (true, 7),
    )?;
    client.put("one", "x", None).await?;
    client.put("two", "y", None).await?;
    equal(
        "the other goes on",
        events(&mut stream, 1).await?.as_str(),
        "Put two=y",
    )
}
