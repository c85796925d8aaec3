//! Meeting the members that were never met, so that each knows the data directory of each before a
//! disk can be lost.

use std::time::Duration;

use futures_util::future::join_all;

use super::dial::Dialler;
use crate::types::MemberId;

const INTERVAL: Duration = Duration::from_millis(500);
/// How long a start waits for members that do not answer; those that are not there say so at once.
const START_TIMEOUT: Duration = Duration::from_secs(1);

/// One round, before a new member takes part: one that has lived before with another disk is told
/// so by whoever knows.
pub(crate) async fn ask_around(diallers: &[(MemberId, Dialler)]) {
    let attempts = diallers
        .iter()
        .map(|(_, dialler)| dialler.clone().attempt(0));
    drop(tokio::time::timeout(START_TIMEOUT, join_all(attempts)).await);
}

/// Goes on until all are known.
pub(crate) async fn meet_all(diallers: Vec<(MemberId, Dialler)>) {
    for nth in 0.. {
        let unmet = diallers
            .first()
            .map_or(Vec::new(), |(_, dialler)| dialler.acquaintances.unmet());
        let to_meet = diallers.iter().filter(|(member, _)| unmet.contains(member));
        let attempts: Vec<_> = to_meet
            .map(|(_, dialler)| dialler.clone().attempt(nth))
            .collect();
        if attempts.is_empty() {
            return;
        }
        join_all(attempts).await;
        tokio::time::sleep(INTERVAL).await;
    }
}
