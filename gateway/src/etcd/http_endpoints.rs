//! The HTTP endpoints beside gRPC: /health, /livez, /readyz, /version, /metrics. They need no
//! authentication, as in etcd.

use http::{HeaderMap, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use quorate_core::command::{AlarmKind, RangeOp};
use quorate_core::types::KeyRange;
use tonic::Status;

use super::go_http;
use super::reply::{self, Reply};
use super::shared::Shared;
use super::{API_VERSION, CLUSTER_VERSION, STORAGE_VERSION};
use crate::logging;
use crate::metrics::{self, Snapshot};

/// Checks of /livez and /readyz, in the order they are told.
const LIVEZ: &[&str] = &["serializable_read"];
const READYZ: &[&str] = &[
    "data_corruption",
    "serializable_read",
    "linearizable_read",
    "non_learner",
];

/// etcd's default of --cors: any page may ask.
const CORS: [(&str, &str); 3] = [
    (
        "access-control-allow-headers",
        "accept, content-type, authorization",
    ),
    (
        "access-control-allow-methods",
        "POST, GET, OPTIONS, PUT, DELETE",
    ),
    ("access-control-allow-origin", "*"),
];

pub async fn serve(shared: &Shared, request: &Request<Incoming>) -> Reply {
    if let Some(refusal) = go_http::bad_host(request) {
        return refusal;
    }
    let mut reply = match *request.method() {
        Method::OPTIONS => http::Response::new(tonic::body::Body::empty()),
        _ => match go_http::redirect(request) {
            Some(elsewhere) => elsewhere,
            None => route(shared, request).await,
        },
    };
    for (name, value) in CORS {
        let value = http::HeaderValue::from_static(value);
        reply.headers_mut().insert(name, value);
    }
    reply
}

async fn route(shared: &Shared, request: &Request<Incoming>) -> Reply {
    let query = Query::of(request.uri().query().unwrap_or_default());
    let is_get = request.method() == Method::GET;
    let path = request.uri().path();
    let only_get = |reply| if is_get { reply } else { method_not_allowed() };
    match path {
        "/metrics" => metrics(shared, request.headers()),
        "/version" => only_get(version()),
        "/health" if is_get => health(shared, &query).await,
        "/health" => method_not_allowed(),
        _ => match checks_at(path) {
            Some(_) if !is_get => method_not_allowed(),
            Some((kind, checks)) => run_checks(shared, kind, &checks, &query).await,
            None => not_found(),
        },
    }
}

pub fn not_found() -> Reply {
    reply::error(StatusCode::NOT_FOUND, "404 page not found")
}

fn method_not_allowed() -> Reply {
    let mut reply = reply::error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    reply
        .headers_mut()
        .insert(header::ALLOW, http::HeaderValue::from_static("GET"));
    reply
}

fn version() -> Reply {
    let text = format!(
        "{{\"etcdserver\":\"{API_VERSION}\",\"etcdcluster\":\"{CLUSTER_VERSION}\",\
         \"storage\":\"{STORAGE_VERSION}\"}}"
    );
    reply::json(StatusCode::OK, text)
}

fn metrics(shared: &Shared, headers: &HeaderMap) -> Reply {
    let status = shared.node.status();
    let (compact_revision, keys) = shared.node.read(|state| {
        let all = KeyRange::From(bytes::Bytes::new());
        (state.compact_revision(), state.count(&all))
    });
    let (proposals_pending, proposals_failed) = shared.node.proposals();
    let text = shared.metrics.render(&Snapshot {
        has_leader: status.leader.is_some(),
        is_leader: status.leader == Some(status.member),
        is_learner: status.is_learner,
        leader_changes: shared.standing.leader_changes(),
        committed_index: status.committed_index,
        applied_index: status.applied_index,
        quota_bytes: shared.options.quota_bytes.unwrap_or_default(),
        db_size: status.db_size,
        db_size_in_use: status.db_size_in_use,
        revision: status.revision,
        compact_revision,
        keys,
        watchers: shared.node.watchers(),
        proposals_pending,
        proposals_failed,
        sync_times: shared.node.sync_times(),
        wall_skew_ms: shared.node.wall_skew_ms(),
        log_lines_left_out: logging::left_out(),
        turns: shared.node.turn_counts(),
    });
    let wanted = headers.get(header::ACCEPT);
    let wanted = wanted.and_then(|accept| accept.to_str().ok());
    let content_type = metrics::content_type(wanted.unwrap_or_default());
    let content_type = http::HeaderValue::from_static(content_type);
    reply::body(StatusCode::OK, content_type, text)
}

/// The query's parameters, as far as they are asked for. Names and alarms need no decoding.
struct Query<'a> {
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Query<'a> {
    fn of(query: &'a str) -> Query<'a> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Query {
            pairs: pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .collect(),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(key, _)| *key == name)
    }

    fn excludes(&self, name: &str) -> bool {
        self.pairs.contains(&("exclude", name))
    }

    fn is_serializable(&self) -> bool {
        let first = self.pairs.iter().find(|(key, _)| *key == "serializable");
        first.is_some_and(|(_, value)| *value == "true")
    }
}

async fn health(shared: &Shared, query: &Query<'_>) -> Reply {
    let reason = unhealthy(shared, query).await;
    let healthy = reason.is_none();
    let reason = serde_json::Value::String(reason.unwrap_or_default());
    let text = format!(r#"{{"health":"{healthy}","reason":{reason}}}"#);
    if healthy {
        shared.metrics.health_successes.inc();
        return reply::text(StatusCode::OK, text);
    }
    shared.metrics.health_failures.inc();
    tracing::warn!(output = text, "/health error");
    reply::error(StatusCode::SERVICE_UNAVAILABLE, &text)
}

/// Why the member is not healthy, in etcd's words.
async fn unhealthy(shared: &Shared, query: &Query<'_>) -> Option<String> {
    for (_, kind) in shared.node.read(|state| state.alarms()) {
        let name = match kind {
            AlarmKind::NoSpace => "NOSPACE",
            AlarmKind::Corrupt => "CORRUPT",
        };
        if !query.excludes(name) {
            return Some(format!("ALARM {name}"));
        }
    }
    let is_serializable = query.is_serializable();
    if !is_serializable && shared.node.status().leader.is_none() {
        return Some("RAFT NO LEADER".to_string());
    }
    let failed = read(shared, is_serializable).await.err()?;
    Some(format!("RANGE ERROR:{}", failed.message()))
}

/// Reads as a client would.
async fn read(shared: &Shared, is_serializable: bool) -> Result<(), Status> {
    let call = shared.call(&HeaderMap::new());
    call.barrier(is_serializable).await?;
    let op = RangeOp {
        keys_only: true,
        limit: 1,
        ..RangeOp::new(KeyRange::Key(bytes::Bytes::new()))
    };
    let read = shared
        .node
        .range(&op)
        .await
        .map_err(|error| call.unanswered(error))?;
    read.map(drop).map_err(super::error::refused)
}

/// The checks that a path names: all of a kind, or one.
fn checks_at(path: &str) -> Option<(&'static str, Vec<&'static str>)> {
    for (kind, checks) in [("livez", LIVEZ), ("readyz", READYZ)] {
        let Some(rest) = path
            .strip_prefix('/')
            .and_then(|path| path.strip_prefix(kind))
        else {
            continue;
        };
        if rest.is_empty() {
            return Some((kind, checks.to_vec()));
        }
        let name = rest.strip_prefix('/')?;
        let check = checks.iter().find(|check| **check == name)?;
        return Some((kind, vec![*check]));
    }
    None
}

async fn run_checks(
    shared: &Shared,
    kind: &'static str,
    checks: &[&'static str],
    query: &Query<'_>,
) -> Reply {
    let (mut told, mut passed) = (String::new(), true);
    let is_one = checks.len() == 1 && kind == "readyz";
    for name in checks.iter().filter(|name| is_one || !query.excludes(name)) {
        let failed = run_check(shared, name).await.err();
        shared.metrics.checked(kind, name, failed.is_none());
        passed &= failed.is_none();
        told.push_str(&match failed {
            Some(why) => format!("[-]{name} failed: {why}\n"),
            None => format!("[+]{name} ok\n"),
        });
    }
    if !passed {
        tracing::error!(reason = told, "Health check error");
        return reply::error(StatusCode::SERVICE_UNAVAILABLE, &told);
    }
    let told = if query.has("verbose") {
        told
    } else {
        String::new()
    };
    let mut reply = reply::text(StatusCode::OK, told + "ok\n");
    let nosniff = http::HeaderValue::from_static("nosniff");
    reply
        .headers_mut()
        .insert("x-content-type-options", nosniff);
    reply
}

async fn run_check(shared: &Shared, name: &str) -> Result<(), String> {
    let told = |read: Result<(), Status>| read.map_err(|status| status.message().to_string());
    match name {
        "data_corruption" => {
            let alarms = shared.node.read(|state| state.alarms());
            match alarms.iter().any(|(_, kind)| *kind == AlarmKind::Corrupt) {
                true => Err("alarm activated: CORRUPT".to_string()),
                false => Ok(()),
            }
        }
        "serializable_read" => told(read(shared, true).await),
        "linearizable_read" => told(read(shared, false).await),
        _ if shared.node.status().is_learner => Err("not supported for learner".to_string()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_paths_name_one_check() {
        assert_eq!(
            checks_at("/livez"),
            Some(("livez", vec!["serializable_read"]))
        );
        assert_eq!(
            checks_at("/readyz/non_learner"),
            Some(("readyz", vec!["non_learner"]))
        );
        assert_eq!(checks_at("/livez/non_learner"), None);
        assert_eq!(checks_at("/readyzz"), None);
        assert_eq!(checks_at("/"), None);
    }

    #[test]
    fn query_parameters_are_read_as_go_reads_them() {
        let query = Query::of("verbose&exclude=NOSPACE&exclude=x&serializable=true");
        assert!(query.has("verbose") && query.excludes("NOSPACE") && query.excludes("x"));
        assert!(query.is_serializable());
        assert!(!Query::of("serializable=false&serializable=true").is_serializable());
    }
}
