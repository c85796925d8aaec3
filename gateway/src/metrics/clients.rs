//! What clients make the server hold, and the bounds on it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::listen::{BUFFERS_BYTES_MAX, CONNECTIONS_MAX, KEPT_BYTES_MAX, Load};

pub struct ClientMetrics {
    load: Arc<Load>,
    connections: Gauge,
    refused: Counter<u64, AtomicU64>,
    buffer_bytes: Gauge,
    closed: Counter<u64, AtomicU64>,
    turned_down: Counter<u64, AtomicU64>,
    kept_bytes: Gauge,
    kept_refused: Counter<u64, AtomicU64>,
}

impl ClientMetrics {
    pub fn register(registry: &mut Registry, load: Arc<Load>) -> ClientMetrics {
        let mut gauge = |name: &str, help: &str, value: usize| {
            let gauge = Gauge::default();
            gauge.set(signed(value));
            registry.register(name, help, Gauge::clone(&gauge));
            gauge
        };
        let connections = gauge("quorate_client_connections", "Connections of clients", 0);
        let buffer_bytes = gauge(
            "quorate_client_buffer_bytes",
            "Bytes that clients have sent or not read",
            0,
        );
        gauge(
            "quorate_client_connections_limit",
            "Connections of clients allowed",
            CONNECTIONS_MAX,
        );
        gauge(
            "quorate_client_buffer_limit_bytes",
            "Bytes for all clients' buffers together",
            BUFFERS_BYTES_MAX,
        );
        let kept_bytes = gauge(
            "quorate_client_kept_bytes",
            "Bytes of subscriptions, watched keys and names kept for clients",
            0,
        );
        gauge(
            "quorate_client_kept_limit_bytes",
            "Bytes kept for all clients together",
            KEPT_BYTES_MAX,
        );
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, Counter::clone(&counter));
            counter
        };
        ClientMetrics {
            load,
            connections,
            refused: counter(
                "quorate_client_connections_refused",
                "Connections turned away, being too many",
            ),
            buffer_bytes,
            closed: counter(
                "quorate_client_connections_closed_for_room",
                "Connections closed because of what they held",
            ),
            turned_down: counter(
                "quorate_client_buffer_refused",
                "Requests and replies refused for want of room",
            ),
            kept_bytes,
            kept_refused: counter(
                "quorate_client_kept_refused",
                "Subscriptions, watches and names refused for want of room",
            ),
        }
    }

    pub fn look(&self) {
        let load = &self.load;
        self.connections.set(signed(load.connections()));
        self.buffer_bytes.set(signed(load.bytes()));
        self.kept_bytes.set(signed(load.kept()));
        self.refused
            .inc_by(load.refused().saturating_sub(self.refused.get()));
        self.closed
            .inc_by(load.closed().saturating_sub(self.closed.get()));
        self.turned_down
            .inc_by(load.turned_down().saturating_sub(self.turned_down.get()));
        self.kept_refused
            .inc_by(load.kept_refused().saturating_sub(self.kept_refused.get()));
    }
}

fn signed(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
