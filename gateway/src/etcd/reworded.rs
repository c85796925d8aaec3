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
    use super::*;

    #[test]
    fn a_message_above_the_limit_is_told_as_grpc_go_does() {
        let message = "Error, decoded message length too large: \
                       found 3000000 bytes, the limit is: 2097152 bytes";
        let status = grpc_go(message).expect("recognised");
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(
            status.message(),
            "grpc: received message larger than max (3000000 vs. 2097152)"
        );
        assert!(grpc_go("etcdserver: mvcc: required revision has been compacted").is_none());
    }
}
