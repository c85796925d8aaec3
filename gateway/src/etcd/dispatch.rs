//! One request to its service: by content type to gRPC or HTTP, by path to the RPC.
//!
//! gRPC calls pass admission and are counted here. An error that tonic words its own way (a
//! message that is too large, an unknown RPC) is given etcd's code and text.

use std::sync::Arc;

use http::{Request, header};
use hyper::body::Incoming;
use quorate_core::node::Node;
use quorate_proto::etcdserverpb::{
    auth_server::AuthServer, cluster_server::ClusterServer, kv_server::KvServer,
    lease_server::LeaseServer, maintenance_server::MaintenanceServer, watch_server::WatchServer,
};
use quorate_proto::grpc::health::v1::health_server::HealthServer;
use tonic::codegen::Service;
use tonic::{Code, Status};

use super::auth::AuthService;
use super::cluster::ClusterService;
use super::health::HealthService;
use super::kv::KvService;
use super::lease::LeaseService;
use super::maintenance::MaintenanceService;
use super::renewals::Renewals;
use super::reply::{self, Reply};
use super::shared::{EtcdOptions, Shared};
use super::standing::Standing;
use super::watch::WatchService;
use super::{admission, http_endpoints, methods};
use crate::metrics::Metrics;

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
    health: HealthServer<HealthService>,
}

/// Starting the front end's tasks needs a runtime; they end with it.
impl Etcd {
    pub fn start(node: Node, options: EtcdOptions, metrics: Arc<Metrics>) -> Etcd {
        let status = node.status();
        let (election, timeout) = (options.election_timeout, options.request_timeout);
        let shared = Shared {
            renewals: Renewals::new(node.clone(), election, timeout),
            standing: Standing::start(node.clone(), election),
            options: Arc::new(options),
            metrics,
            cluster: status.cluster,
            member: status.member,
            node,
        };
        Etcd {
            services: Arc::new(Services::new(shared)),
        }
    }

    /// Answers one request; never fails, for an error is an answer too.
    pub async fn serve(&self, request: Request<Incoming>) -> Reply {
        if !is_grpc(&request) {
            return http_endpoints::serve(&self.services.shared, &request).await;
        }
        let path = request.uri().path();
        let method = self.services.shared.metrics.grpc.method(path);
        let version = admission::client_version(request.headers());
        if let Some(method) = &method {
            self.services.shared.metrics.grpc.started(method, version);
        }
        let reply = match admission::check(&self.services.shared, path, request.headers()) {
            Ok(()) => self.services.call(request, method.is_some()).await,
            Err(status) => reply::status(status),
        };
        if let Some(method) = method {
            method.handled(reply::code(&reply));
        }
        reply
    }
}

fn is_grpc(request: &Request<Incoming>) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    request.version() == http::Version::HTTP_2
        && kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
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
            health: HealthServer::new(HealthService).max_decoding_message_size(bytes_max),
            shared,
        }
    }

    async fn call(&self, request: Request<Incoming>, is_known: bool) -> Reply {
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

/// tonic tells a message above the limit as OutOfRange, grpc-go as ResourceExhausted.
fn reworded(reply: Reply) -> Reply {
    if reply::code(&reply) != Code::OutOfRange {
        return reply;
    }
    let Some(status) = Status::from_header_map(reply.headers()) else {
        return reply;
    };
    match too_large(status.message()) {
        Some(status) => reply::status(status),
        None => reply,
    }
}

/// grpc-go's error for tonic's "… found N bytes, the limit is: M bytes".
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
        let status = too_large(message).expect("recognised");
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(
            status.message(),
            "grpc: received message larger than max (3000000 vs. 2097152)"
        );
        assert!(too_large("etcdserver: mvcc: required revision has been compacted").is_none());
    }

    #[test]
    fn unknown_services_and_methods_are_told_apart() {
        let told = unknown("v3lockpb.Lock", "Lock");
        assert_eq!(told.message(), "unknown service v3lockpb.Lock");
        let told = unknown("etcdserverpb.KV", "Nope");
        assert_eq!(
            told.message(),
            "unknown method Nope for service etcdserverpb.KV"
        );
    }
}
