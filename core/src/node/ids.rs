//! Member and cluster ids, derived as etcd derives them (server/etcdserver/api/membership): the
//! first eight bytes of SHA-1 sums, so that clients can tell a wrong endpoint.

use sha1::{Digest, Sha1};

use crate::types::{ClusterId, MemberId};

fn first_eight(digest: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(word)
}

/// Of the sorted peer URLs and the cluster's token.
pub(crate) fn member_id(peer_urls: &[String], token: &str) -> MemberId {
    let mut urls = peer_urls.to_vec();
    urls.sort();
    let mut hasher = Sha1::new();
    urls.iter().for_each(|url| hasher.update(url.as_bytes()));
    hasher.update(token.as_bytes());
    first_eight(&hasher.finalize())
}

/// Of the founding members' ids in order.
pub(crate) fn cluster_id(members: &[MemberId]) -> ClusterId {
    let mut ids = members.to_vec();
    ids.sort_unstable();
    let mut hasher = Sha1::new();
    ids.iter().for_each(|id| hasher.update(id.to_be_bytes()));
    first_eight(&hasher.finalize())
}

/// Of something that all members must have alike.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    first_eight(&Sha1::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What etcd 3.7.1 prints for its defaults (one member on http://localhost:2380, token
    /// etcd-cluster).
    #[test]
    fn ids_are_etcds() {
        let member = member_id(&["http://localhost:2380".into()], "etcd-cluster");
        assert_eq!(format!("{member:x}"), "8e9e05c52164694d");
        assert_eq!(format!("{:x}", cluster_id(&[member])), "cdf818194e3a8c32");
    }
}
