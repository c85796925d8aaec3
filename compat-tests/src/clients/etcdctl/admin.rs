//! endpoint status, health and hashkv; member list.

use super::session::Session;

pub(super) fn endpoint(session: &mut Session) -> Result<(), String> {
    session.ok(&["endpoint", "status"])?;
    session.ok(&["endpoint", "status", "-w", "json"])?;
    session.ok(&["endpoint", "status", "-w", "fields"])?;
    // 3.4 says it on standard error. An unhealthy endpoint is an exit code of 1 for both.
    session.ok(&["endpoint", "health"])?;
    session.ok(&["endpoint", "health", "-w", "json"])?;
    session.ok(&["endpoint", "health", "--cluster"])?;
    session.ok(&["endpoint", "status", "--cluster"])?;
    session.ok(&["endpoint", "hashkv"])?;
    session.ok(&["endpoint", "hashkv", "-w", "json"])?;
    let before = session.revision()? - 3;
    session
        .ok(&["endpoint", "hashkv", &format!("--rev={before}")])
        .map(drop)
}

/// Nothing is wrong: an empty answer, in each form.
pub(super) fn alarm_list(session: &mut Session) -> Result<(), String> {
    session.prints(&["alarm", "list"], "")?;
    session.ok(&["alarm", "list", "-w", "json"])?;
    session.prints(&["alarm", "disarm"], "")
}

pub(super) fn member_list(session: &mut Session) -> Result<(), String> {
    let list = session.ok(&["member", "list"])?;
    if !list.contains(", started, m1, http://127.0.0.1:") || !list.ends_with(", false\n") {
        return Err(format!("one started member that is no learner: {list}"));
    }
    session.ok(&["member", "list", "-w", "json"])?;
    session.ok(&["member", "list", "-w", "fields"]).map(drop)
}
