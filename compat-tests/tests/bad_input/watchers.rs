//! Watchers that never read while much happens: they lag behind, and cost no more for it.

use std::time::Duration;

use quorate_proto::etcdserverpb as pb;
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::Channel;

use crate::bystanders::{channel, connect};

const LIMIT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
const STREAMS: usize = 60;
const PUTS: usize = 20;
const VALUE_BYTES: usize = 500_000;

/// All puts go through while nobody reads what they make known.
pub async fn unread(port: u16) {
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let channel = channel(port).await;
        let mut watch = pb::watch_client::WatchClient::new(channel);
        let create = pb::WatchCreateRequest {
            key: "watched".into(),
            ..Default::default()
        };
        let request = pb::WatchRequest {
            request_union: Some(pb::watch_request::RequestUnion::CreateRequest(create)),
        };
        let (sender, requests) = tokio::sync::mpsc::channel(1);
        sender.send(request).await.expect("its stream is there");
        let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
        let mut stream = watch.watch(requests).await.expect("a stream").into_inner();
        let first = timeout(LIMIT, stream.message()).await.expect("in time");
        let first = first.expect("an answer").expect("not the end");
        assert!(first.created, "{first:?}");
        streams.push((sender, stream));
    }
    let mut kv = connect(port).await;
    for _ in 0..PUTS {
        large_put(&mut kv).await;
    }
    let deletion = pb::DeleteRangeRequest {
        key: "watched".into(),
        ..Default::default()
    };
    kv.delete_range(deletion).await.expect("a delete");
}

/// While there is no room for anything large it is refused, and done when it is tried again: what
/// hoarders hold goes after a second.
async fn large_put(kv: &mut pb::kv_client::KvClient<Channel>) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let put = pb::PutRequest {
            key: "watched".into(),
            value: vec![b'x'; VALUE_BYTES].into(),
            ..Default::default()
        };
        match kv.put(put).await {
            Ok(_) => return,
            Err(status) => {
                assert_eq!(status.message(), "etcdserver: too many requests");
                assert!(Instant::now() < deadline, "refused for {LIMIT:?}");
                sleep(PAUSE).await;
            }
        }
    }
}
