//! A request to a peer that waits for its answer.

use bytes::Bytes;
use tokio::sync::oneshot;

use super::frame::Kind;

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// It certainly did not arrive.
    #[error("peer is unreachable: {0}")]
    NotSent(String),
    /// It may have arrived.
    #[error("connection to the peer was lost")]
    Lost,
}

type Answer = oneshot::Sender<Result<Bytes, LinkError>>;

pub(super) struct Call {
    pub(super) kind: Kind,
    pub(super) payload: Bytes,
    pub(super) answer: Answer,
}

impl Call {
    /// It is not sent.
    pub(super) fn refuse(self, why: &str) {
        // Who has gone needs no answer.
        let _ = self.answer.send(Err(LinkError::NotSent(why.to_owned())));
    }
}
