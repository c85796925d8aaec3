//! Leases with ids of our own, so that both servers have the same; none ends by itself but in a
//! step of its own.

use quorate_proto::etcdserverpb as pb;

use super::draw::{Draw, LEASES};
use super::step::Step;
use crate::cross::etcd::wire::Call;

/// Seconds, far longer than a run, and far from each other: leases are listed by their end.
const TTLS: &[i64] = &[10_000, 50_000, 200_000, 8_999_990_000];
/// Between leases of one of these: two that end within a moment have no order to tell.
const TTL_STEP: i64 = 1_000;
/// The most, and one more.
const TTL_MOST: i64 = 9_000_000_000;
const TTL_TOO_LARGE: i64 = TTL_MOST + 1;

impl Draw {
    pub fn grant(&mut self) -> Step {
        let number = self.up_to(LEASES.len() - 1);
        let ttl = match self.one_in(12) {
            true => self.pick(&[TTL_TOO_LARGE, i64::MAX]),
            false => self.pick(TTLS) + TTL_STEP * number as i64,
        };
        let request = pb::LeaseGrantRequest {
            ttl,
            id: LEASES[number],
        };
        Step::Call(Call::new("Lease/LeaseGrant", &request))
    }

    pub fn revoke(&mut self) -> Step {
        let request = pb::LeaseRevokeRequest { id: self.lease() };
        Step::Call(Call::new("Lease/LeaseRevoke", &request))
    }

    pub fn time_to_live(&mut self) -> Step {
        let request = pb::LeaseTimeToLiveRequest {
            id: self.lease(),
            keys: self.one_in(2),
        };
        Step::Call(Call::new("Lease/LeaseTimeToLive", &request))
    }

    pub fn keep_alive(&mut self) -> Step {
        let count = self.pick(&[1, 1, 2, 4]);
        let request = |draw: &mut Self| pb::LeaseKeepAliveRequest { id: draw.lease() };
        let requests: Vec<_> = (0..count).map(|_| request(self)).collect();
        Step::Call(Call::stream("Lease/LeaseKeepAlive", &requests))
    }

    pub fn leases(&mut self) -> Step {
        Step::Call(Call::new("Lease/LeaseLeases", &pb::LeaseLeasesRequest {}))
    }

    /// A lease that lives for a moment: its id drawn by the server, or its TTL below the least.
    pub fn passing_lease(&mut self) -> Step {
        match self.one_in(2) {
            true => Step::DrawnLease {
                ttl: self.pick(&[100, 5_000, TTL_MOST]),
            },
            false => Step::ShortLease {
                ttl: self.pick(&[0, 1, -1, i64::MIN]),
            },
        }
    }

    pub fn expire(&mut self) -> Step {
        Step::Expire {
            // Not one of those that are granted elsewhere.
            id: 9_000 + self.up_to(99) as i64,
            keys: self.up_to(3),
        }
    }
}
