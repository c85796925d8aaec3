//! Counters of RPCs, as go-grpc-prometheus keeps them: looked up once per RPC at the start, so
//! that counting a call is an atomic add.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tonic::Code;

/// A code's label set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Handled {
    grpc_type: &'static str,
    grpc_service: &'static str,
    grpc_method: &'static str,
    grpc_code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Started {
    grpc_type: &'static str,
    grpc_service: &'static str,
    grpc_method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Client {
    r#type: &'static str,
    client_api_version: String,
}

/// Client versions told apart in the metrics; more are counted together, as they come from outside.
const CLIENT_VERSIONS_MAX: usize = 100;

/// One RPC's counters.
pub struct MethodMetrics {
    labels: Started,
    is_unary: bool,
    started: Counter,
    ok: Counter,
    handled: Family<Handled, Counter>,
}

/// A call that was started and has not ended; one that is dropped was given up by its client.
pub struct Running(Option<Arc<MethodMetrics>>);

impl Running {
    pub fn is_stream(&self) -> bool {
        self.0.as_ref().is_some_and(|method| !method.is_unary)
    }

    /// Whether its client sends any number of messages.
    pub fn takes_many(&self) -> bool {
        let kind = self.0.as_ref().map(|method| method.labels.grpc_type);
        kind == Some("bidi_stream")
    }

    pub fn ended(mut self, code: Code) {
        if let Some(method) = self.0.take() {
            method.handled(code);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(method) = self.0.take() {
            method.handled(Code::Cancelled);
        }
    }
}

impl MethodMetrics {
    /// Counts the end of a call.
    fn handled(&self, code: Code) {
        if code == Code::Ok {
            self.ok.inc();
        } else {
            self.handled.get_or_create(&self.handled_labels(code)).inc();
        }
    }

    fn handled_labels(&self, code: Code) -> Handled {
        Handled {
            grpc_type: self.labels.grpc_type,
            grpc_service: self.labels.grpc_service,
            grpc_method: self.labels.grpc_method,
            grpc_code: go_name(code),
        }
    }
}

/// A method as the dispatcher knows it: path, type, service, name.
pub struct MethodRow {
    pub path: &'static str,
    pub kind: &'static str,
    pub service: &'static str,
    pub name: &'static str,
}

pub struct GrpcMetrics {
    methods: HashMap<&'static str, Arc<MethodMetrics>>,
    clients: Family<Client, Counter>,
    client_versions: RwLock<HashMap<String, ClientCounters>>,
    received: Counter,
    sent: Counter,
}

impl GrpcMetrics {
    pub fn register(registry: &mut Registry, rows: impl Iterator<Item = MethodRow>) -> GrpcMetrics {
        let started = Family::<Started, Counter>::default();
        let handled = Family::<Handled, Counter>::default();
        let clients = Family::<Client, Counter>::default();
        registry.register(
            "grpc_server_started",
            "RPCs started on the server",
            started.clone(),
        );
        registry.register(
            "grpc_server_handled",
            "RPCs completed on the server",
            handled.clone(),
        );
        registry.register(
            "etcd_server_client_requests",
            "Requests by client",
            clients.clone(),
        );
        let mut counter = |name: &str| {
            let counter = Counter::default();
            let help = format!("Bytes of gRPC messages, {}", name.replace('_', " "));
            let name = format!("etcd_network_client_grpc_{name}");
            registry.register(name, help, counter.clone());
            counter
        };
        let (received, sent) = (counter("received_bytes"), counter("sent_bytes"));
        let methods = rows.map(|row| {
            let labels = Started {
                grpc_type: row.kind,
                grpc_service: row.service,
                grpc_method: row.name,
            };
            let mut method = MethodMetrics {
                is_unary: row.kind == "unary",
                started: started.get_or_create(&labels).clone(),
                ok: Counter::default(),
                handled: handled.clone(),
                labels,
            };
            method.ok = handled
                .get_or_create(&method.handled_labels(Code::Ok))
                .clone();
            (row.path, Arc::new(method))
        });
        GrpcMetrics {
            methods: methods.collect(),
            clients,
            client_versions: Default::default(),
            received,
            sent,
        }
    }

    /// Bytes that came from clients, and that went to them.
    pub fn traffic(&self) -> (&Counter, &Counter) {
        (&self.received, &self.sent)
    }

    /// The counters of a known RPC.
    pub fn method(&self, path: &str) -> Option<Arc<MethodMetrics>> {
        self.methods.get(path).cloned()
    }

    /// Counts the start of a call. Known versions cost a shared lock and two atomic adds.
    pub fn started(&self, method: Arc<MethodMetrics>, client_version: &str) -> Running {
        method.started.inc();
        if let Some(counters) = self.client_versions.read().get(client_version) {
            counters.of(method.is_unary).inc();
            return Running(Some(method));
        }
        self.counters_of(client_version).of(method.is_unary).inc();
        Running(Some(method))
    }

    /// Makes the counters of a version that was not seen yet.
    fn counters_of(&self, client_version: &str) -> ClientCounters {
        let mut versions = self.client_versions.write();
        let is_full = versions.len() >= CLIENT_VERSIONS_MAX;
        let told = if is_full { "other" } else { client_version };
        let counter = |r#type| {
            let client_api_version = told.to_string();
            let labels = Client {
                r#type,
                client_api_version,
            };
            self.clients.get_or_create(&labels).clone()
        };
        let counters = ClientCounters {
            unary: counter("unary"),
            stream: counter("stream"),
        };
        if !is_full {
            versions.insert(told.to_string(), counters.clone());
        }
        counters
    }
}

/// The calls of one client version.
#[derive(Clone)]
struct ClientCounters {
    unary: Counter,
    stream: Counter,
}

impl ClientCounters {
    fn of(&self, is_unary: bool) -> &Counter {
        if is_unary { &self.unary } else { &self.stream }
    }
}

/// A code as grpc-go writes it.
fn go_name(code: Code) -> String {
    match code {
        Code::Ok => "OK".to_string(),
        Code::Cancelled => "Canceled".to_string(),
        other => format!("{other:?}"),
    }
}
