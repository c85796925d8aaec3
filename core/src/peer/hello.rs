//! What a member says of itself before anything else, and why it may be refused.

use crate::types::{ClusterId, MemberId};

const MAGIC: u64 = u64::from_le_bytes(*b"quorate1");
/// The format of everything that follows.
const FORMAT: u32 = 1;
pub(super) const HELLO_BYTES: usize = 56;

/// Who a member says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    pub cluster: ClusterId,
    pub member: MemberId,
    /// Drawn when the data directory was made: tells a wiped disk from the one that voted.
    pub incarnation: u64,
    /// The highest feature level the member can apply.
    pub feature_level: u32,
    /// Whom the caller means to reach; 0 in an answer.
    pub target: MemberId,
    /// A digest of what all members must be configured with alike.
    pub settings: u64,
}

/// Why one side does not take the other, as it is told there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Refusal {
    Protocol = 1,
    Cluster = 2,
    Target = 3,
    Stranger = 4,
    DataLost = 5,
    TooOld = 6,
    NotRemembered = 7,
    Settings = 8,
}

impl Refusal {
    pub(super) fn from_u8(byte: u8) -> Option<Refusal> {
        Some(match byte {
            1 => Refusal::Protocol,
            2 => Refusal::Cluster,
            3 => Refusal::Target,
            4 => Refusal::Stranger,
            5 => Refusal::DataLost,
            6 => Refusal::TooOld,
            7 => Refusal::NotRemembered,
            8 => Refusal::Settings,
            _ => return None,
        })
    }

    /// What is wrong with the one that is refused.
    pub(super) fn why(self) -> &'static str {
        match self {
            Refusal::Protocol => "it does not speak this version of Quorate's peer protocol",
            Refusal::Cluster => "it is of another cluster (cluster ID mismatch)",
            Refusal::Target => "it is not the member that was expected at that address",
            Refusal::Stranger => "it is not a member of the cluster",
            Refusal::DataLost => {
                "its data directory is not the one it has taken part with, so what it had \
                 acknowledged is lost: restore that directory, or remove the member from the \
                 cluster and add it again"
            }
            Refusal::TooOld => "its program is too old for what the cluster's log holds",
            Refusal::Settings => {
                "its Redis keys have another prefix than those of the other side, so each would \
                 write where the other does not read: start all members with the same \
                 --redis-key-prefix"
            }
            Refusal::NotRemembered => "its identity could not be written down on the other's disk",
        }
    }
}

impl Hello {
    pub(super) fn encode(&self) -> [u8; HELLO_BYTES] {
        let mut out = [0; HELLO_BYTES];
        out[..8].copy_from_slice(&MAGIC.to_le_bytes());
        out[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        out[12..16].copy_from_slice(&self.feature_level.to_le_bytes());
        out[16..24].copy_from_slice(&self.cluster.to_le_bytes());
        out[24..32].copy_from_slice(&self.member.to_le_bytes());
        out[32..40].copy_from_slice(&self.incarnation.to_le_bytes());
        out[40..48].copy_from_slice(&self.target.to_le_bytes());
        out[48..].copy_from_slice(&self.settings.to_le_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8; HELLO_BYTES]) -> Option<Hello> {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(word)
        };
        (word(0) == MAGIC && word(8) as u32 == FORMAT).then(|| Hello {
            feature_level: (word(8) >> 32) as u32,
            cluster: word(16),
            member: word(24),
            incarnation: word(32),
            target: word(40),
            settings: word(48),
        })
    }

    /// Whether both are of one cluster and each is whom the other expects.
    pub(super) fn fits(&self, theirs: &Hello) -> Result<(), Refusal> {
        if theirs.cluster != self.cluster {
            return Err(Refusal::Cluster);
        }
        let is_expected = self.target == 0 || theirs.member == self.target;
        let are_we_expected = theirs.target == 0 || theirs.target == self.member;
        if !(is_expected && are_we_expected) {
            return Err(Refusal::Target);
        }
        match theirs.settings == self.settings {
            true => Ok(()),
            false => Err(Refusal::Settings),
        }
    }
}
