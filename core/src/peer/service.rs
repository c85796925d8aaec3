//! What the answering side needs of the member: somebody who handles the frames of a connection.

use std::future::Future;
use std::io;

use tokio::sync::mpsc;

use super::frame::Frame;
use crate::types::MemberId;

/// Everything peers can ask of this member.
pub(crate) trait Service: Send + Sync + 'static {
    type Session: Session;

    /// For one connection of `member`. Answers go to `answers`.
    fn session(&self, member: MemberId, answers: mpsc::Sender<Frame>) -> Self::Session;
}

/// One connection of a peer.
pub(crate) trait Session: Send + 'static {
    /// # Errors
    /// For bytes that are no request: the connection is closed.
    fn handle(&mut self, frame: Frame) -> impl Future<Output = io::Result<()>> + Send;

    /// Resolves when the conversation can't go on.
    fn ended(&self) -> impl Future<Output = ()> + Send;
}
