//! Errors that tonic makes before a service is asked, in the code and words that grpc-go has for
//! them: messages that are too large, cut, compressed or no protobuf.

use tonic::{Code, Status};

use super::reply::{self, Reply};

/// The reply, or grpc-go's in its place.
pub fn reworded(reply: Reply) -> Reply {
    let code = reply::code(&reply);
    if !matches!(
        code,
        Code::OutOfRange | Code::Internal | Code::Unimplemented
    ) {
        return reply;
    }
    let Some(status) = Status::from_header_map(reply.headers()) else {
        return reply;
    };
    match grpc_go(status.message()) {
        Some(status) => reply::status(status),
        None => reply,
    }
}

fn grpc_go(said: &str) -> Option<Status> {
    if let Some(why) = said.strip_prefix("failed to decode Protobuf message: ") {
        let why = match why.contains("UTF-8") {
            true => "string field contains invalid UTF-8",
            false => "proto: cannot parse invalid wire-format data",
        };
        let text = format!("grpc: error unmarshalling request: {why}");
        return Some(Status::internal(text));
    }
    if let Some(encoding) = said.strip_prefix("Content is compressed with `") {
        let encoding = encoding.split('`').next().unwrap_or_default();
        let text = format!("grpc: Decompressor is not installed for grpc-encoding \"{encoding}\"");
        return Some(Status::unimplemented(text));
    }
    if said.starts_with("protocol error: received message with compressed-flag but no ") {
        let text = "grpc: compressed flag set with identity or empty encoding";
        return Some(Status::internal(text));
    }
    match said {
        "Unexpected EOF decoding stream." => Some(Status::unknown("unexpected EOF")),
        "Missing request message." => Some(Status::unknown("EOF")),
        _ => too_large(said),
    }
}

/// tonic's "… found N bytes, the limit is: M bytes".
fn too_large(message: &str) -> Option<Status> {
    let sizes = message.strip_prefix("Error, decoded message length too large: found ")?;
    let (found, limit) = sizes
        .strip_suffix(" bytes")?
        .split_once(" bytes, the limit is: ")?;
    let text = format!("grpc: received message larger than max ({found} vs. {limit})");
    Some(Status::resource_exhausted(text))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;
    use http_body_util::Full;
    use quorate_proto::grpc::health::v1::health_server::HealthServer;
    use tonic::body::Body;
    use tonic::codegen::Service;

    use super::*;
    use crate::etcd::health::HealthService;

    const MESSAGE_BYTES_MAX: usize = 1_000;

    /// What tonic itself says to a request with this body, and what becomes of it.
    async fn said(encoding: Option<&str>, body: &'static [u8]) -> (Code, String) {
        let mut request = Request::post("/grpc.health.v1.Health/Check")
            .header("content-type", "application/grpc");
        if let Some(encoding) = encoding {
            request = request.header("grpc-encoding", encoding);
        }
        let request = request.body(Full::new(Bytes::from_static(body)));
        let service = HealthServer::new(HealthService);
        let mut service = service.max_decoding_message_size(MESSAGE_BYTES_MAX);
        let reply = service.call(request.expect("a request")).await;
        let reply: Reply = reply.expect("an error is a reply").map(Body::new);
        let reply = reworded(reply);
        let status = Status::from_header_map(reply.headers()).expect("an error");
        (status.code(), status.message().to_string())
    }

    /// Each of tonic's texts that is recognised, as this tonic makes it.
    #[tokio::test]
    async fn what_tonic_says_is_told_as_grpc_go_does() {
        let unmarshalling = "grpc: error unmarshalling request: ";
        for (encoding, body, code, text) in [
            (
                None,
                &[0, 0, 0, 7, 208, 0][..],
                Code::ResourceExhausted,
                "grpc: received message larger than max (2000 vs. 1000)".to_string(),
            ),
            (
                None,
                &[0, 0, 0, 0, 2, 0xff, 0xff],
                Code::Internal,
                format!("{unmarshalling}proto: cannot parse invalid wire-format data"),
            ),
            (
                None,
                &[0, 0, 0, 0, 4, 0x0a, 2, 0xff, 0xfe],
                Code::Internal,
                format!("{unmarshalling}string field contains invalid UTF-8"),
            ),
            (
                Some("snappy"),
                &[1, 0, 0, 0, 0],
                Code::Unimplemented,
                "grpc: Decompressor is not installed for grpc-encoding \"snappy\"".to_string(),
            ),
            (
                None,
                &[1, 0, 0, 0, 0],
                Code::Internal,
                "grpc: compressed flag set with identity or empty encoding".to_string(),
            ),
            (
                None,
                &[0, 0, 0, 0, 5, 1],
                Code::Unknown,
                "unexpected EOF".to_string(),
            ),
            (None, &[], Code::Unknown, "EOF".to_string()),
        ] {
            assert_eq!(
                said(encoding, body).await,
                (code, text),
                "{encoding:?} {body:?}"
            );
        }
    }

    #[test]
    fn what_a_service_says_is_left_alone() {
        assert!(grpc_go("etcdserver: mvcc: required revision has been compacted").is_none());
    }
}
