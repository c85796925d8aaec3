//! One request to its service: by content type to gRPC or HTTP, by path to the RPC.
//!
//! gRPC calls pass admission and are counted here. An error that tonic words its own way (a
//! message that is too large, an unknown RPC) is given etcd's code and text.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use quorate_core::node::Node;
use quorate_proto::etcdserverpb::{
    auth_server::AuthServer, cluster_server::ClusterServer, kv_server::KvServer,
    lease_server::LeaseServer, maintenance_server::MaintenanceServer, watch_server::WatchServer,
};
use quorate_proto::grpc::health::v1::health_server::HealthServer;
use quorate_proto::v3electionpb::election_server::ElectionServer;
use quorate_proto::v3lockpb::lock_server::LockServer;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;

use super::auth::AuthService;
use super::body::{ReplyBody, RequestBody};
use super::bound::{self, Taken};
use super::cluster::ClusterService;
use super::concurrency::{ElectionService, LockService};
use super::health::HealthService;
use super::kv::KvService;
use super::lease::LeaseService;
use super::maintenance::MaintenanceService;
use super::renewals::Renewals;
use super::reply::{self, Reply};
use super::reworded::reworded;
use super::shared::{EtcdOptions, Shared};
use super::standing::Standing;
use super::watch::WatchService;
use super::{admission, http_endpoints, large_range, large_reply, metadata, methods};
use crate::listen::{Held, Load, Share};
use crate::metrics::{Metrics, Running};

/// What a call takes until its first message is whole, but for what came of that and its headers.
const CALL_BYTES: usize = 8 * 1024;

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    All,
    Grpc,
    Http,
    /// Metrics and health checks.
    Metrics,
}

impl Served {
    fn takes(self, request: &Request<Incoming>) -> bool {
        match self {
            Served::All => true,
            Served::Grpc => is_grpc(request),
            Served::Http => !is_grpc(request),
            Served::Metrics => !is_grpc(request) && request.uri().path() != "/version",
        }
    }
}

/// The etcd front end; cheap to clone, one serves all connections.
#[derive(Clone)]
pub struct Etcd {
    services: Arc<Services>,
}

struct Services {
    shared: Shared,
    kv: KvServer<KvService>,
    watch: WatchServer<WatchService>,
    lease: LeaseServer<LeaseService>,
    cluster: ClusterServer<ClusterService>,
    maintenance: MaintenanceServer<MaintenanceService>,
    auth: AuthServer<AuthService>,
    lock: LockServer<LockService>,
    election: ElectionServer<ElectionService>,
    health: HealthServer<HealthService>,
}

/// Starting the front end's tasks needs a runtime; they end with it.
impl Etcd {
    pub fn start(node: Node, options: EtcdOptions, metrics: Arc<Metrics>, load: Arc<Load>) -> Etcd {
        let status = node.status();
        let (election, timeout) = (options.election_timeout, options.request_timeout);
        let shared = Shared {
            renewals: Renewals::new(node.clone(), election, timeout),
            standing: Standing::start(node.clone(), election),
            options: Arc::new(options),
            metrics,
            load,
            cluster: status.cluster,
            member: status.member,
            node,
        };
        Etcd {
            services: Arc::new(Services::new(shared)),
        }
    }

    /// Answers one request; never fails, for an error is an answer too.
    pub async fn serve(
        &self,
        request: Request<Incoming>,
        served: Served,
        share: &Share,
    ) -> Response<ReplyBody> {
        let mut holds = share.hold();
        let (reply, call) = match served.takes(&request) {
            true if is_grpc(&request) => match self.admit() {
                Ok(call) => (self.answer(request, &mut holds, share).await, Some(call)),
                Err(status) => (reply::status(status), None),
            },
            true => {
                let serving = http_endpoints::serve(&self.services.shared, &request);
                (Box::pin(serving).await, None)
            }
            false => (http_endpoints::not_found(), None),
        };
        let piece_bytes = large_reply::piece_bytes(&reply);
        reply.map(|body| ReplyBody::new(body, share, holds, piece_bytes, call))
    }

    fn admit(&self) -> Result<Taken, Status> {
        let metrics = &self.services.shared.metrics;
        bound::CALLS.take(&metrics.calls, &metrics.calls_refused)
    }

    /// `holds` is for the reply.
    async fn answer(&self, request: Request<Incoming>, holds: &mut Held, share: &Share) -> Reply {
        let path = request.uri().path();
        let method = self.services.shared.metrics.grpc.method(path);
        let version = admission::client_version(request.headers());
        let metrics = &self.services.shared.metrics.grpc;
        let running = method.map(|method| metrics.started(method, version));
        // Kept until the reply is made, for so long the message is in use.
        let held = Arc::new(Mutex::new(share.hold_incoming()));
        let reply = match self.receive(request, &held, running.as_ref(), share).await {
            // Little waits for a message, and much for the rest.
            Ok(request) => Box::pin(self.call(request, running.is_some(), holds, share)).await,
            Err(status) => reply::status(status),
        };
        match running {
            // A stream goes on behind its head; its trailers say how it ended.
            Some(running) if running.is_stream() && !reply::is_over(&reply) => {
                reply.map(|body| Body::new(body.inspect_frame(ending(running))))
            }
            Some(running) => {
                running.ended(reply::code(&reply));
                reply
            }
            None => reply,
        }
    }

    /// The request, once its first message is whole.
    async fn receive(
        &self,
        request: Request<Incoming>,
        held: &Arc<Mutex<Held>>,
        running: Option<&Running>,
        share: &Share,
    ) -> Result<Request<RequestBody>, Status> {
        let shared = &self.services.shared;
        admission::check(shared, request.uri().path(), request.headers())?;
        let (head, body) = request.into_parts();
        let call_bytes = CALL_BYTES + metadata::memory(&head.headers)?;
        let bytes_max = shared.options.message_bytes_max();
        let mut body = RequestBody::new(body, held.clone(), call_bytes, bytes_max);
        if let Some(running) = running {
            body.first(share).await?;
            // What waits for what clients do has a bound of its own.
            if running.is_stream() || !methods::is_quick(head.uri.path()) {
                body.is_served();
            } else {
                held.lock().set_at_work(true);
            }
            if !running.takes_many() {
                body.is_only();
            }
        }
        Ok(Request::from_parts(head, body))
    }

    async fn call(
        &self,
        request: Request<RequestBody>,
        is_known: bool,
        holds: &mut Held,
        share: &Share,
    ) -> Reply {
        let (received, sent) = self.services.shared.metrics.grpc.traffic();
        let request = request.map(|body| body.inspect_frame(counting(received)));
        let reply = self.services.call(request, is_known).await;
        let reply = large_range::streamed(reply, share).await;
        let reply = large_reply::with_room(reply, holds).await;
        reply.map(|body| Body::new(body.inspect_frame(counting(sent))))
    }
}

fn is_grpc(request: &Request<Incoming>) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    request.version() == http::Version::HTTP_2
        && kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// Counts the bytes of each frame that passes.
fn counting(bytes: &Counter) -> impl FnMut(&Frame<Bytes>) + Send + 'static + use<> {
    let bytes = bytes.clone();
    move |frame| {
        let data = frame.data_ref().map_or(0, Bytes::len);
        bytes.inc_by(data as u64);
    }
}

/// Counts the end of a stream by its trailers; one whose reply is dropped before them was given up
/// by its client.
fn ending(running: Running) -> impl FnMut(&Frame<Bytes>) + Send + 'static {
    let mut running = Some(running);
    move |frame| {
        let code = frame.trailers_ref().map(reply::code_in);
        if let Some(code) = code
            && let Some(running) = running.take()
        {
            running.ended(code);
        }
    }
}

impl Services {
    fn new(shared: Shared) -> Services {
        let bytes_max = shared.options.message_bytes_max();
        let cloned = || shared.clone();
        Services {
            kv: KvServer::new(KvService { shared: cloned() }).max_decoding_message_size(bytes_max),
            watch: WatchServer::new(WatchService { shared: cloned() })
                .max_decoding_message_size(bytes_max),
            lease: LeaseServer::new(LeaseService { shared: cloned() })
                .max_decoding_message_size(bytes_max),
            cluster: ClusterServer::new(ClusterService { shared: cloned() })
                .max_decoding_message_size(bytes_max),
            maintenance: MaintenanceServer::new(MaintenanceService { shared: cloned() })
                .max_decoding_message_size(bytes_max),
            auth: AuthServer::new(AuthService { shared: cloned() })
                .max_decoding_message_size(bytes_max),
            lock: LockServer::new(LockService { shared: cloned() })
                .max_decoding_message_size(bytes_max),
            election: ElectionServer::new(ElectionService { shared: cloned() })
                .max_decoding_message_size(bytes_max),
            health: HealthServer::new(HealthService).max_decoding_message_size(bytes_max),
            shared,
        }
    }

    async fn call<B>(&self, request: Request<B>, is_known: bool) -> Reply
    where
        B: hyper::body::Body<Data = Bytes, Error = Status> + Send + 'static,
    {
        let path = request.uri().path();
        let Some((service, name)) = methods::split(path) else {
            let text = format!("malformed method name: \"{path}\"");
            return reply::status(Status::unimplemented(text));
        };
        if !is_known {
            return reply::status(unknown(service, name));
        }
        let called = match service {
            "etcdserverpb.KV" => self.kv.clone().call(request).await,
            "etcdserverpb.Watch" => self.watch.clone().call(request).await,
            "etcdserverpb.Lease" => self.lease.clone().call(request).await,
            "etcdserverpb.Cluster" => self.cluster.clone().call(request).await,
            "etcdserverpb.Maintenance" => self.maintenance.clone().call(request).await,
            "etcdserverpb.Auth" => self.auth.clone().call(request).await,
            "v3lockpb.Lock" => self.lock.clone().call(request).await,
            "v3electionpb.Election" => self.election.clone().call(request).await,
            _ => self.health.clone().call(request).await,
        };
        match called {
            Ok(reply) => reworded(reply),
            Err(never) => match never {},
        }
    }
}

/// What grpc-go says of an RPC that it doesn't know.
fn unknown(service: &str, name: &str) -> Status {
    let is_known = methods::METHODS
        .iter()
        .any(|method| method.service() == service);
    Status::unimplemented(match is_known {
        true => format!("unknown method {name} for service {service}"),
        false => format!("unknown service {service}"),
    })
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use hyper::body::Body as _;

    use super::*;

    #[tokio::test]
    async fn what_passes_is_counted_and_unchanged() {
        let bytes = Counter::default();
        let body = Full::new(Bytes::from_static(b"12345")).inspect_frame(counting(&bytes));
        assert_eq!(body.size_hint().exact(), Some(5));
        let passed = body.collect().await.expect("no error").to_bytes();
        assert_eq!((&passed[..], bytes.get()), (&b"12345"[..], 5));
    }

    #[test]
    fn unknown_services_and_methods_are_told_apart() {
        let told = unknown("v3lockpb.Lick", "Lock");
        assert_eq!(told.message(), "unknown service v3lockpb.Lick");
        let told = unknown("etcdserverpb.KV", "Nope");
        assert_eq!(
            told.message(),
            "unknown method Nope for service etcdserverpb.KV"
        );
    }
}
