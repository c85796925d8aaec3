//! Compactions, hashes, what members say of themselves, and calls that don't exist.

use prost::Message;
use quorate_proto::etcdserverpb as pb;

use super::draw::Draw;
use super::step::Step;
use crate::cross::etcd::wire::Call;

impl Draw {
    pub fn compact(&mut self) -> Step {
        let mut request = pb::CompactionRequest {
            revision: self.revision(),
            physical: self.one_in(2),
        };
        // A fresh store can be compacted at 0; etcd then takes that hash for the newest for good.
        if request.revision == 0 && !self.one_in(20) {
            request.revision = self.now.revision;
        }
        // Of a key that changed twice at the compacted revision etcd drops the first change, in its
        // own time: what a watch from there sees is chance.
        while self.now.mixed.contains(&request.revision) {
            request.revision -= 1;
        }
        Step::Compact(Call::new("KV/Compact", &request))
    }

    pub fn hash(&mut self) -> Step {
        if self.one_in(12) {
            return Step::Call(Call::new("Maintenance/Hash", &pb::HashRequest {}));
        }
        let request = pb::HashKvRequest {
            revision: self.some_revision(),
        };
        Step::Call(Call::new("Maintenance/HashKV", &request))
    }

    pub fn about(&mut self) -> Step {
        let linearizable = self.one_in(2);
        let list = pb::MemberListRequest { linearizable };
        let alarm = pb::AlarmRequest {
            alarm: self.pick(&[0, 1, 2, 3]),
            ..Default::default()
        };
        Step::Call(match self.up_to(4) {
            0 => Call::new("Cluster/MemberList", &list),
            1 => Call::new("Maintenance/Status", &pb::StatusRequest {}),
            2 => Call::new("Maintenance/Alarm", &alarm),
            3 => Call::new("Auth/AuthStatus", &pb::AuthStatusRequest {}),
            _ => Call::new("Auth/Authenticate", &pb::AuthenticateRequest::default()),
        })
    }

    /// A method or service that does not exist, and bytes that are no request.
    pub fn nonsense(&mut self) -> Step {
        let range = pb::RangeRequest {
            key: self.key(),
            ..Default::default()
        };
        if self.one_in(4) {
            return Step::Call(Call::of_bytes("KV/Put", b"\x0a\x7fcut".to_vec()));
        }
        let method = self.pick(&["KV/Rnage", "Nothing/Range", "KV/", "KV/range"]);
        Step::Call(Call::of_bytes(method, range.encode_to_vec()))
    }
}
