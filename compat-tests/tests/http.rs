//! What is said beside messages, compared with the real etcd: HTTP's answers before any endpoint is
//! asked, the type of the metrics, and calls with much metadata.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use quorate_compat_tests::server::{Cluster, Kind};
use quorate_compat_tests::trouble::have;
use quorate_proto::etcdserverpb as pb;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

const LIMIT: Duration = Duration::from_secs(20);

const PATHS: [&str; 14] = [
    "//health",
    "/health/",
    "//metrics",
    "//version?x=1&y=a%20b",
    "/a//b",
    "/../health",
    "/./health",
    "/livez//serializable_read",
    "/v3//kv/range",
    "//",
    "/health//",
    "/%2fhealth",
    "/x%20y//z",
    "/health;a",
];

/// Versions and Host headers.
const HOSTS: [(&str, &str); 9] = [
    ("1.1", ""),
    ("1.0", ""),
    ("1.1", "Host: \r\n"),
    ("1.1", "Host: x:1\r\n"),
    ("1.1", "Host: [::1]:1\r\n"),
    ("1.1", "Host: a b\r\n"),
    ("1.1", "Host: a@b\r\n"),
    ("1.1", "Host: a/b\r\n"),
    ("1.1", "Host: a\r\nHost: b\r\n"),
];

const ACCEPTED: [&str; 6] = [
    "*/*",
    "text/plain;version=0.0.4",
    "text/plain;version=1.0.0;escaping=allow-utf-8",
    "text/plain;escaping=dots",
    "text/plain;escaping=nonsense",
    "application/openmetrics-text;version=1.0.0;escaping=values,text/plain;q=0.5",
];

/// The answer: its first line, the headers that matter, and its body.
fn ask(port: u16, request: &str, headers: &[&str]) -> (String, BTreeMap<String, String>, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a server");
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut text = String::new();
    stream
        .read_to_string(&mut text)
        .expect("answered and closed");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let (first, rest) = head.split_once("\r\n").unwrap_or((head, ""));
    let pairs = rest.lines().filter_map(|line| line.split_once(": "));
    let pairs = pairs.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let kept = pairs.filter(|(name, _)| headers.contains(&name.as_str()));
    (first.to_owned(), kept.collect(), body.to_owned())
}

#[test]
fn http_is_answered_as_by_etcd_before_an_endpoint_is_asked() {
    let told = [Kind::Etcd, Kind::Quorate].map(|kind| {
        let servers = have(Cluster::start(kind, 1))?;
        let port = servers.members()[0].ports().client;
        let mut told = Vec::new();
        for path in PATHS {
            for method in ["GET", "POST"] {
                let request = format!(
                    "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                     Content-Length: 0\r\n\r\n"
                );
                let headers = ["location", "content-type", "access-control-allow-origin"];
                told.push((format!("{method} {path}"), ask(port, &request, &headers)));
            }
        }
        for (version, host) in HOSTS {
            let request = format!("GET /version HTTP/{version}\r\n{host}Connection: close\r\n\r\n");
            let headers = ["content-type", "access-control-allow-origin"];
            told.push((format!("{version} {host}"), ask(port, &request, &headers)));
        }
        for accepted in ACCEPTED {
            let request = format!(
                "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: {accepted}\r\n\
                 Connection: close\r\n\r\n"
            );
            let (first, headers, _) = ask(port, &request, &["content-type"]);
            told.push((accepted.to_owned(), (first, headers, String::new())));
        }
        Some(told)
    });
    let [Some(etcd), Some(quorate)] = told else {
        return;
    };
    for (etcd, quorate) in etcd.into_iter().zip(quorate) {
        assert_eq!(etcd, quorate);
    }
}

/// Metrics of both have the same type.
#[test]
fn metrics_are_typed_as_by_etcd() {
    let types = |kind| {
        let servers = have(Cluster::start(kind, 1))?;
        let text = servers.members()[0].metrics().expect("metrics");
        let typed = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let typed = typed.filter_map(|line| line.split_once(' '));
        let typed = typed.map(|(name, kind)| (name.to_owned(), kind.to_owned()));
        Some(typed.collect::<BTreeMap<_, _>>())
    };
    let (Some(etcd), Some(quorate)) = (types(Kind::Etcd), types(Kind::Quorate)) else {
        return;
    };
    let ours = quorate
        .iter()
        .filter(|(name, _)| !name.starts_with("quorate_"));
    for (name, kind) in ours {
        assert_eq!(etcd.get(name), Some(kind), "{name}");
    }
}

async fn get(channel: &Channel, metadata: usize) -> Result<(), Status> {
    let mut request = Request::new(pb::RangeRequest {
        key: "k".into(),
        ..Default::default()
    });
    let baggage = "x".repeat(metadata).parse().expect("a value");
    request.metadata_mut().insert("baggage", baggage);
    let called = pb::kv_client::KvClient::new(channel.clone())
        .range(request)
        .await;
    called.map(drop)
}

#[tokio::test]
async fn calls_with_much_metadata_are_served_and_more_ends_one_call() {
    for kind in [Kind::Etcd, Kind::Quorate] {
        let Some(servers) = have(Cluster::start(kind, 1)) else {
            return;
        };
        let port = servers.members()[0].ports().client;
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"));
        let endpoint = endpoint.expect("an address").timeout(LIMIT);
        let channel = endpoint.connect().await.expect("a server");
        let create = pb::watch_request::RequestUnion::CreateRequest(pb::WatchCreateRequest {
            key: "k".into(),
            ..Default::default()
        });
        let create = pb::WatchRequest {
            request_union: Some(create),
        };
        let (sender, requests) = tokio::sync::mpsc::channel(2);
        sender.send(create.clone()).await.expect("taken");
        let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
        let mut watch = pb::watch_client::WatchClient::new(channel.clone());
        let mut watch = watch.watch(requests).await.expect("opened").into_inner();
        watch.message().await.expect("created");

        for bytes in [10_000, 100_000, 400_000, 1024 * 1024] {
            get(&channel, bytes).await.expect("served");
        }
        if kind == Kind::Quorate {
            let told = get(&channel, 1024 * 1024 + 100_000)
                .await
                .expect_err("too much");
            assert_eq!(told.code(), Code::ResourceExhausted);
            assert!(told.message().contains("too much metadata"), "{told:?}");
            for bytes in [4 << 20, 9 << 20] {
                get(&channel, bytes).await.expect_err("too much");
            }
        }
        // The connection is the same.
        sender.send(create).await.expect("taken");
        let created = watch.message().await.expect("it lives");
        assert!(created.is_some_and(|created| created.created), "{kind:?}");
    }
}
