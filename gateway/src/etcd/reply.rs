//! Whole replies: of gRPC when no service is asked, and of plain HTTP.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tonic::body::Body;
use tonic::{Code, Status};

pub type Reply = Response<Body>;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// A gRPC error without a message body.
pub fn status(status: Status) -> Reply {
    status.into_http()
}

/// The code that a reply's headers carry: set when the call failed before any message.
pub fn code(reply: &Reply) -> Code {
    code_in(reply.headers())
}

/// Whether the reply is over with its headers.
pub fn is_over(reply: &Reply) -> bool {
    reply.headers().contains_key(Status::GRPC_STATUS)
}

/// The code in headers or trailers.
pub fn code_in(headers: &HeaderMap) -> Code {
    let code = headers.get(Status::GRPC_STATUS);
    code.map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
}

/// As Go's http.Error: plain text with a line feed.
pub fn error(code: StatusCode, text: &str) -> Reply {
    let mut reply = body(code, TEXT, format!("{text}\n"));
    let headers = reply.headers_mut();
    headers.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    reply
}

pub fn body(code: StatusCode, content_type: HeaderValue, text: impl Into<Bytes>) -> Reply {
    let text: Bytes = text.into();
    let mut reply = Response::new(Body::new(http_body_util::Full::new(text)));
    *reply.status_mut() = code;
    reply
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    reply
}

pub fn text(code: StatusCode, text: impl Into<Bytes>) -> Reply {
    body(code, TEXT, text)
}

pub fn json(code: StatusCode, text: impl Into<Bytes>) -> Reply {
    body(code, HeaderValue::from_static("application/json"), text)
}
