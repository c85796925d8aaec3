//! The service Cluster: the list of members. Changing the membership is not offered yet.

use quorate_core::node::Member;
use quorate_proto::etcdserverpb as pb;
use tonic::{Request, Response, Status};

use super::shared::Shared;

pub struct ClusterService {
    pub shared: Shared,
}

fn not_offered(what: &str) -> Status {
    Status::unimplemented(format!("quorate: {what} is not supported by this version"))
}

fn member(member: Member) -> pb::Member {
    pb::Member {
        id: member.id,
        name: member.name,
        peer_ur_ls: member.peer_urls,
        client_ur_ls: member.client_urls,
        is_learner: member.is_learner,
    }
}

#[tonic::async_trait]
impl pb::cluster_server::Cluster for ClusterService {
    async fn member_list(
        &self,
        request: Request<pb::MemberListRequest>,
    ) -> Result<Response<pb::MemberListResponse>, Status> {
        let call = self.shared.call(request.metadata().as_ref());
        let barrier = call.barrier(!request.get_ref().linearizable).await?;
        Ok(Response::new(pb::MemberListResponse {
            // etcd tells no revision here.
            header: self.shared.header(0, barrier.term),
            members: self.shared.node.members().into_iter().map(member).collect(),
        }))
    }

    async fn member_add(
        &self,
        _request: Request<pb::MemberAddRequest>,
    ) -> Result<Response<pb::MemberAddResponse>, Status> {
        Err(not_offered("adding a member"))
    }

    async fn member_remove(
        &self,
        _request: Request<pb::MemberRemoveRequest>,
    ) -> Result<Response<pb::MemberRemoveResponse>, Status> {
        Err(not_offered("removing a member"))
    }

    async fn member_update(
        &self,
        _request: Request<pb::MemberUpdateRequest>,
    ) -> Result<Response<pb::MemberUpdateResponse>, Status> {
        Err(not_offered("updating a member"))
    }

    async fn member_promote(
        &self,
        _request: Request<pb::MemberPromoteRequest>,
    ) -> Result<Response<pb::MemberPromoteResponse>, Status> {
        Err(not_offered("promoting a member"))
    }
}
