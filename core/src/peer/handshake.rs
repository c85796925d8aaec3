//! The first bytes on a connection between members. Each side says who it is; the other refuses,
//! with a reason for its log, a foreign cluster, a wrong address, a disk that was lost or a format
//! it does not know.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::types::{ClusterId, MemberId};

const MAGIC: u64 = u64::from_le_bytes(*b"quorate1");
/// The format of everything that follows.
const FORMAT: u32 = 1;
const HELLO_BYTES: usize = 48;

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
}

impl Hello {
    fn encode(&self) -> [u8; HELLO_BYTES] {
        let mut out = [0; HELLO_BYTES];
        out[..8].copy_from_slice(&MAGIC.to_le_bytes());
        out[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        out[12..16].copy_from_slice(&self.feature_level.to_le_bytes());
        out[16..24].copy_from_slice(&self.cluster.to_le_bytes());
        out[24..32].copy_from_slice(&self.member.to_le_bytes());
        out[32..40].copy_from_slice(&self.incarnation.to_le_bytes());
        out[40..].copy_from_slice(&self.target.to_le_bytes());
        out
    }

    fn decode(bytes: &[u8; HELLO_BYTES]) -> io::Result<Hello> {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(word)
        };
        if word(0) != MAGIC {
            return Err(refused(
                "the other side does not speak Quorate's peer protocol",
            ));
        }
        let format = word(8) as u32;
        if format != FORMAT {
            return Err(refused(&format!(
                "peer format {format} is unknown; {FORMAT} is known"
            )));
        }
        Ok(Hello {
            feature_level: (word(8) >> 32) as u32,
            cluster: word(16),
            member: word(24),
            incarnation: word(32),
            target: word(40),
        })
    }
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, why)
}

/// Sends ours, reads theirs, checks that both are of one cluster and that each is whom the other
/// expects.
///
/// # Errors
/// `ConnectionRefused` with the reason.
pub(crate) async fn shake<S>(stream: &mut S, ours: Hello) -> io::Result<Hello>
where
    S: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    stream.write_all(&ours.encode()).await?;
    stream.flush().await?;
    let mut bytes = [0; HELLO_BYTES];
    stream.read_exact(&mut bytes).await?;
    let theirs = Hello::decode(&bytes)?;
    if theirs.cluster != ours.cluster {
        return Err(refused(&format!(
            "cluster ID mismatch: peer {:x} is of cluster {:x}, this member of {:x}",
            theirs.member, theirs.cluster, ours.cluster
        )));
    }
    if ours.target != 0 && theirs.member != ours.target {
        return Err(refused(&format!(
            "member {:x} was expected there, {:x} answered",
            ours.target, theirs.member
        )));
    }
    if theirs.target != 0 && theirs.target != ours.member {
        return Err(refused(&format!(
            "the caller looks for member {:x}",
            theirs.target
        )));
    }
    Ok(theirs)
}
