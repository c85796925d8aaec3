//! elect: one leader at a time, observed by others, succeeded by the one that waits.

use super::session::{LIMIT, Session, check_equal};
use crate::exec::Follow;

pub(super) fn play(session: &mut Session) -> Result<(), String> {
    let first = ["elect", "race", "alpha"];
    let mut alpha = session.follow(&first)?;
    elected(session, &first, &alpha, "alpha")?;
    let observe = ["elect", "--listen", "race"];
    let observer = session.follow(&observe)?;
    elected(session, &observe, &observer, "alpha")?;
    let second = ["elect", "race", "beta"];
    let mut beta = session.follow(&second)?;
    crate::exec::until(LIMIT, || {
        match session.ok(&["get", "--prefix", "race/", "--keys-only"]) {
            Ok(keys) if keys.lines().filter(|line| !line.is_empty()).count() == 2 => Ok(()),
            other => Err(format!("beta queues behind alpha: {other:?}")),
        }
    })?;
    session.take_transcript();
    alpha.interrupt();
    alpha.end(LIMIT)?;
    elected(session, &second, &beta, "beta")?;
    elected(session, &observe, &observer, "beta")?;
    beta.interrupt();
    beta.end(LIMIT)?;
    session.prints(&["get", "--prefix", "race/"], "")
}

/// The next two lines are the leader's key and its proposal.
fn elected(
    session: &mut Session,
    arguments: &[&str],
    followed: &Follow,
    proposal: &str,
) -> Result<(), String> {
    let said = session.lines(arguments, followed, 2)?;
    let lines: Vec<&str> = said.lines().collect();
    if !lines[0].starts_with("race/") {
        return Err(format!("the leader's key: {said}"));
    }
    check_equal("the leader", lines[1], proposal)
}
