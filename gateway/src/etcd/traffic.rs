//! A gRPC body whose bytes are counted as they pass.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use prometheus_client::metrics::counter::Counter;

pub struct Counted<B> {
    body: B,
    bytes: Counter,
}

impl<B> Counted<B> {
    pub fn new(body: B, bytes: &Counter) -> Counted<B> {
        let bytes = bytes.clone();
        Counted { body, bytes }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Counted<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let counted = self.get_mut();
        let polled = Pin::new(&mut counted.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            counted.bytes.inc_by(data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full};

    use super::*;

    #[tokio::test]
    async fn what_passes_is_counted_and_unchanged() {
        let bytes = Counter::default();
        let body = Counted::new(Full::new(Bytes::from_static(b"12345")), &bytes);
        assert_eq!(body.size_hint().exact(), Some(5));
        let passed = body.collect().await.expect("no error").to_bytes();
        assert_eq!((&passed[..], bytes.get()), (&b"12345"[..], 5));
    }
}
