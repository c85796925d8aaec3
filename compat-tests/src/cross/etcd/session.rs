//! A watch stream on each side, and what came on them and was not compared yet.

use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use prost_reflect::DynamicMessage;
use quorate_proto::etcdserverpb as pb;
use tokio::time::Instant;

use super::context::header_revision;
use super::side::WatchStream;
use super::watch;

/// For one response that must come.
const RESPONSE_LIMIT: Duration = Duration::from_secs(15);
/// A request for progress is dropped while a watcher lags: it is made again after this.
const PROGRESS_PAUSE: Duration = Duration::from_millis(25);

/// One side's stream.
pub struct Half {
    pub stream: WatchStream,
    pub backlog: Vec<DynamicMessage>,
}

/// Both sides' streams.
pub struct Session {
    pub theirs: Half,
    pub ours: Half,
}

impl Session {
    /// Sends one request to both.
    pub async fn send(&self, request: Bytes) -> Result<(), String> {
        self.theirs.stream.send(request.clone()).await?;
        self.ours.stream.send(request).await
    }

    /// On each side, receives until a response for which `is_it` holds, and returns both.
    pub async fn until(
        &mut self,
        is_it: impl Fn(&DynamicMessage) -> bool,
    ) -> Result<(DynamicMessage, Option<DynamicMessage>), String> {
        let (theirs, ours) = tokio::join!(self.theirs.until(&is_it), self.ours.until(&is_it));
        both(theirs?, ours)
    }

    /// Both sides' progress once they have told all events up to `revision`.
    pub async fn progress(
        &mut self,
        revision: i64,
    ) -> Result<(DynamicMessage, Option<DynamicMessage>), String> {
        let (theirs, ours) =
            tokio::join!(self.theirs.progress(revision), self.ours.progress(revision));
        both(theirs?, ours)
    }
}

/// Only the real server must answer; that ours does not is a difference.
fn both(
    theirs: Option<DynamicMessage>,
    ours: Result<Option<DynamicMessage>, String>,
) -> Result<(DynamicMessage, Option<DynamicMessage>), String> {
    let theirs = theirs.ok_or("the real server sent no such response in time")?;
    Ok((
        theirs,
        ours.unwrap_or_else(|error| {
            eprintln!("our watch stream: {error}");
            None
        }),
    ))
}

impl Half {
    pub fn new(stream: WatchStream) -> Self {
        Self {
            stream,
            backlog: Vec::new(),
        }
    }

    /// What came since the last time.
    pub fn take(&mut self) -> Vec<DynamicMessage> {
        std::mem::take(&mut self.backlog)
    }

    async fn until(
        &mut self,
        is_it: impl Fn(&DynamicMessage) -> bool,
    ) -> Result<Option<DynamicMessage>, String> {
        self.receive(RESPONSE_LIMIT, is_it).await
    }

    async fn receive(
        &mut self,
        limit: Duration,
        is_it: impl Fn(&DynamicMessage) -> bool,
    ) -> Result<Option<DynamicMessage>, String> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(response) = self.stream.receive(left).await? else {
                return Ok(None);
            };
            self.backlog.push(response.clone());
            if is_it(&response) {
                return Ok(Some(response));
            }
        }
    }

    async fn progress(&mut self, revision: i64) -> Result<Option<DynamicMessage>, String> {
        let union = pb::watch_request::RequestUnion::ProgressRequest(Default::default());
        let request = pb::WatchRequest {
            request_union: Some(union),
        };
        let request = Bytes::from(request.encode_to_vec());
        let is_it = |response: &DynamicMessage| {
            watch::is_progress(response)
                && watch::watch_id(response) == -1
                && header_revision(response) >= revision
        };
        let deadline = Instant::now() + RESPONSE_LIMIT;
        while Instant::now() < deadline {
            self.stream.send(request.clone()).await?;
            let answer = self.receive(PROGRESS_PAUSE, is_it).await?;
            if answer.is_some() {
                return Ok(answer);
            }
        }
        Ok(None)
    }
}
