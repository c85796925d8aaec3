//! HTTP/1.1 and HTTP/2 on one connection, told apart by the client's first bytes.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;

use super::connection::Connection;
use super::gathering::Gathering;
use super::inflow::Inflow;
use super::load::Share;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Most streams of one HTTP/2 connection, however many are asked for. One takes up to 30 KB.
pub const STREAMS_MAX: u32 = 20_000;

/// Bounds of one connection.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// Streams of one HTTP/2 connection (etcd: --max-concurrent-streams).
    pub streams_max: u32,
    /// For the first bytes, and for the head of each HTTP/1.1 request.
    pub header_timeout: Duration,
    /// Between pings to a quiet client, and for their answer (etcd: 2 h, 20 s).
    pub keep_alive_interval: Duration,
    pub keep_alive_timeout: Duration,
}

/// Bytes in flight that a client may send before it is read: of one stream, of a connection. They
/// are read at once, but for those of a stream whose client does not take what it was answered.
/// The h2 crate closes a connection with more small frames that nobody has read than half of its
/// window has room for, at 256 bytes each: so many as are read at a time (`meter`) must fit.
const STREAM_WINDOW_BYTES: u32 = 32 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 512 * 1024;

/// Bytes of one stream that wait to be sent before more of its body is asked for.
const SEND_BYTES_MAX: usize = 64 * 1024;

/// The head of an HTTP/1.1 request.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The headers of an HTTP/2 request. One of more ends by itself, up to 5/4 of it on the wire, and
/// beyond with its connection (grpc-go: 16 MiB). What a call may bring is less, see
/// `etcd/metadata.rs`: a client that brings more is told so.
pub(super) const HEADERS_BYTES_MAX: u32 = 8 * 1024 * 1024;

/// Serves connections of one kind of request handler; cheap to clone.
#[derive(Clone)]
pub struct HttpServer {
    builder: Builder<TokioExecutor>,
    header_timeout: Duration,
}

impl HttpServer {
    pub fn new(limits: HttpLimits) -> HttpServer {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .title_case_headers(true)
            .header_read_timeout(limits.header_timeout)
            .max_buf_size(HEAD_BYTES_MAX);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams_max)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(HEADERS_BYTES_MAX)
            .max_send_buf_size(SEND_BYTES_MAX)
            .keep_alive_interval(limits.keep_alive_interval)
            .keep_alive_timeout(limits.keep_alive_timeout);
        HttpServer {
            builder,
            header_timeout: limits.header_timeout,
        }
    }

    /// Serves one connection to its end.
    pub async fn serve<H, F, B>(&self, connection: Connection, share: Share, handler: H)
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let client = connection.peer();
        let mut inflow = Inflow::new(connection, &share);
        match tokio::time::timeout(self.header_timeout, inflow.first_bytes()).await {
            Ok(Ok(true)) => {}
            // Closed, broken, or silent: nobody to answer.
            _ => return,
        }
        let service = service_fn(move |request| {
            let answering = handler(request);
            async move { Ok::<_, Infallible>(answering.await) }
        });
        let serving = self
            .builder
            .serve_connection(TokioIo::new(Gathering::new(inflow)), service);
        tokio::select! {
            ended = serving => if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended with an error");
            },
            () = share.closed() => tracing::warn!(
                ?client,
                "closed: it held much for long, and there is no room for other clients"
            ),
        }
    }
}
