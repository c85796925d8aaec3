//! What is no gRPC message, or no RPC: each gets etcd's own code and words, from etcd too.

use quorate_compat_tests::server::Kind;

use crate::grpc::{Grpc, message};

const WIRE_FORMAT: &str =
    "grpc: error unmarshalling request: proto: cannot parse invalid wire-format data";
const UTF8: &str = "grpc: error unmarshalling request: string field contains invalid UTF-8";

struct Case {
    path: &'static str,
    headers: &'static [(&'static str, &'static [u8])],
    body: fn() -> Vec<u8>,
    code: u8,
    said: &'static str,
}

const fn case(path: &'static str, body: fn() -> Vec<u8>, code: u8, said: &'static str) -> Case {
    let headers = &[];
    Case {
        path,
        headers,
        body,
        code,
        said,
    }
}

const CASES: &[Case] = &[
    case(
        "/etcdserverpb.KV/Nope",
        empty,
        12,
        "unknown method Nope for service etcdserverpb.KV",
    ),
    case("/no.such/Thing", empty, 12, "unknown service no.such"),
    case("/nothing", empty, 12, "malformed method name: \"/nothing\""),
    case(
        "/etcdserverpb.KV/Put",
        empty,
        3,
        "etcdserver: key is not provided",
    ),
    case(
        "/etcdserverpb.KV/Put",
        value_too_large,
        3,
        "etcdserver: request is too large",
    ),
    case(
        "/etcdserverpb.KV/Put",
        key_too_large,
        3,
        "etcdserver: request is too large",
    ),
    case(
        "/etcdserverpb.KV/Range",
        over_the_limit,
        8,
        "grpc: received message larger than max (3145728 vs. 2097152)",
    ),
    case(
        "/etcdserverpb.KV/Range",
        announced,
        8,
        "grpc: received message larger than max (4294967295 vs. 2097152)",
    ),
    case(
        "/etcdserverpb.KV/Range",
        || message(&[0xff; 64]),
        13,
        WIRE_FORMAT,
    ),
    case(
        "/etcdserverpb.KV/Range",
        || message(&[0x0a, 0xff, 0xff, 0xff, 0xff, 7]),
        13,
        WIRE_FORMAT,
    ),
    case(
        "/etcdserverpb.Cluster/MemberAdd",
        || message(&[0x0a, 2, 0xff, 0xfe]),
        13,
        UTF8,
    ),
    case(
        "/grpc.health.v1.Health/Check",
        || message(&[0x0a, 2, 0xff, 0xfe]),
        13,
        UTF8,
    ),
    case(
        "/etcdserverpb.KV/Range",
        || vec![1, 0, 0, 0, 1, 0],
        13,
        "grpc: compressed flag set with identity or empty encoding",
    ),
    case(
        "/etcdserverpb.KV/Range",
        || vec![0, 0, 0, 0, 9, 1],
        2,
        "unexpected EOF",
    ),
    case("/etcdserverpb.KV/Range", Vec::new, 2, "EOF"),
    Case {
        path: "/etcdserverpb.KV/Range",
        headers: &[("grpc-encoding", b"snappy")],
        body: || vec![1, 0, 0, 0, 1, 0],
        code: 12,
        said: "grpc: Decompressor is not installed for grpc-encoding \"snappy\"",
    },
];

fn empty() -> Vec<u8> {
    message(&[])
}

fn value_too_large() -> Vec<u8> {
    message(&[&[0x0a, 1, b'k'][..], &field(0x12, 1_600_000)].concat())
}

fn key_too_large() -> Vec<u8> {
    message(&field(0x0a, 1_600_000))
}

fn over_the_limit() -> Vec<u8> {
    message(&vec![0; 3 * 1024 * 1024])
}

/// Only the head of a message that is said to be as large as can be.
fn announced() -> Vec<u8> {
    vec![0, 0xff, 0xff, 0xff, 0xff, 0x0a]
}

/// A field of protobuf: its tag, its length, so many bytes.
fn field(tag: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![tag];
    let mut left = length;
    while left >= 0x80 {
        bytes.push((left % 0x80) as u8 | 0x80);
        left /= 0x80;
    }
    bytes.push(left as u8);
    bytes.resize(bytes.len() + length, b'x');
    bytes
}

/// Plays it on a server, ours or etcd.
pub async fn play(port: u16, kind: Kind) {
    let mut wrong = Vec::new();
    for case in CASES {
        let mut client = Grpc::connect(port).await;
        let (code, said) = client.call(case.path, case.headers, (case.body)()).await;
        // Go's protobuf takes one or the other blank, by a hash of the program.
        let said = (code, said.replace('\u{a0}', " "));
        let expected = (case.code.to_string(), case.said.to_owned());
        if said != expected {
            wrong.push(format!("{}\n  {said:?}\n  {expected:?}", case.path));
        }
    }
    assert!(
        wrong.is_empty(),
        "called, said, expected:\n{}",
        wrong.join("\n")
    );
    if kind == Kind::Quorate {
        compressed(port).await;
    }
}

/// etcd unpacks gzip; here nothing compressed is taken, so that no message is larger than it looks.
async fn compressed(port: u16) {
    let mut client = Grpc::connect(port).await;
    let (headers, body) = ([("grpc-encoding", &b"gzip"[..])], vec![1, 0, 0, 0, 1, 0]);
    let (code, said) = client.call("/etcdserverpb.KV/Range", &headers, body).await;
    let expected = "grpc: Decompressor is not installed for grpc-encoding \"gzip\"";
    assert_eq!((code.as_str(), said.as_str()), ("12", expected));
}
