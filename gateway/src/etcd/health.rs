//! gRPC's own health service: the server as a whole (the empty name) is serving; no other name is
//! known, as in etcd.

use std::pin::Pin;

use futures_util::{Stream, StreamExt, stream};
use quorate_proto::grpc::health::v1 as pb;
use tonic::{Request, Response, Status};

use pb::health_check_response::ServingStatus;

pub struct HealthService;

fn response(status: ServingStatus) -> pb::HealthCheckResponse {
    pb::HealthCheckResponse {
        status: status as i32,
    }
}

#[tonic::async_trait]
impl pb::health_server::Health for HealthService {
    async fn check(
        &self,
        request: Request<pb::HealthCheckRequest>,
    ) -> Result<Response<pb::HealthCheckResponse>, Status> {
        if request.get_ref().service.is_empty() {
            return Ok(Response::new(response(ServingStatus::Serving)));
        }
        Err(Status::not_found("unknown service"))
    }

    async fn list(
        &self,
        _request: Request<pb::HealthListRequest>,
    ) -> Result<Response<pb::HealthListResponse>, Status> {
        let statuses = [(String::new(), response(ServingStatus::Serving))];
        Ok(Response::new(pb::HealthListResponse {
            statuses: statuses.into_iter().collect(),
        }))
    }

    type WatchStream =
        Pin<Box<dyn Stream<Item = Result<pb::HealthCheckResponse, Status>> + Send + 'static>>;

    async fn watch(
        &self,
        request: Request<pb::HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let status = match request.get_ref().service.is_empty() {
            true => ServingStatus::Serving,
            false => ServingStatus::ServiceUnknown,
        };
        // It never changes while the server runs, so the stream stays open without a word.
        let first = stream::once(async move { Ok(response(status)) });
        Ok(Response::new(Box::pin(first.chain(stream::pending()))))
    }
}
