//! gRPC calls with whatever in them, over HTTP/2 that is in order.

use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, HeaderValue, Request};
use tokio::net::TcpStream;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(20);

/// One connection.
pub struct Grpc {
    sender: SendRequest<Bytes>,
    origin: String,
}

/// A status: its code and message.
pub type Said = (String, String);

impl Grpc {
    pub async fn connect(port: u16) -> Grpc {
        let stream = TcpStream::connect(("127.0.0.1", port))
            .await
            .expect("the server listens");
        let (sender, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        // How it ends is seen by its calls.
        tokio::spawn(async move { drop(connection.await) });
        let origin = format!("http://127.0.0.1:{port}");
        Grpc { sender, origin }
    }

    /// Calls with a body as it is.
    pub async fn call(&mut self, path: &str, headers: &[(&str, &[u8])], body: Vec<u8>) -> Said {
        let called = timeout(LIMIT, self.try_call(path, headers, body)).await;
        let called = called.expect("an answer in time");
        called.unwrap_or_else(|error| ("none".into(), error.to_string()))
    }

    async fn try_call(
        &mut self,
        path: &str,
        headers: &[(&str, &[u8])],
        body: Vec<u8>,
    ) -> Result<Said, h2::Error> {
        let mut request = Request::post(format!("{}{path}", self.origin))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(value).expect("a header's bytes");
            request = request.header(*name, value);
        }
        let request = request.body(()).expect("a request");
        self.sender = self.sender.clone().ready().await?;
        let (response, mut stream) = self.sender.send_request(request, false)?;
        // It may have been answered by then.
        drop(stream.send_data(Bytes::from(body), true));
        let (head, mut body) = response.await?.into_parts();
        if let Some(said) = status(&head.headers) {
            return Ok(said);
        }
        while let Some(data) = body.data().await {
            let freed = body.flow_control().release_capacity(data?.len());
            freed.expect("as much as was read");
        }
        let trailers = body.trailers().await?.unwrap_or_default();
        Ok(status(&trailers).unwrap_or_else(|| (head.status.to_string(), String::new())))
    }
}

fn status(headers: &HeaderMap) -> Option<Said> {
    let text = |name: &str| {
        let value = headers.get(name)?.as_bytes();
        Some(decoded(&String::from_utf8_lossy(value)))
    };
    Some((
        text("grpc-status")?,
        text("grpc-message").unwrap_or_default(),
    ))
}

/// Percent-encoded, as gRPC's messages are.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = behind
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A message with its head.
pub fn message(bytes: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    let length = u32::try_from(bytes.len()).expect("a message's length");
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(bytes);
    framed
}
