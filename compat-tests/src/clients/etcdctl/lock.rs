//! lock: held while the command lives, handed on when it ends.

use super::session::{LIMIT, Session};

pub(super) fn play(session: &mut Session) -> Result<(), String> {
    let arguments = ["lock", "mutex"];
    let mut holder = session.follow(&arguments)?;
    let held = session.lines(&arguments, &holder, 1)?;
    if !held.starts_with("mutex/") {
        return Err(format!("it prints the key that it holds: {held}"));
    }
    let key = held.trim();
    session.ok(&["get", "--prefix", "mutex", "-w", "fields"])?;
    let mut waiting = session.follow(&["lock", "mutex", "echo", "mine"])?;
    crate::exec::until(LIMIT, || {
        match session.ok(&["get", "--prefix", "mutex/", "--keys-only"]) {
            Ok(keys) if keys.lines().filter(|line| !line.is_empty()).count() == 2 => Ok(()),
            other => Err(format!("the second one queues behind the first: {other:?}")),
        }
    })?;
    session.take_transcript();
    if !waiting.output().is_empty() {
        return Err(format!("two hold one lock: {}", waiting.output()));
    }
    holder.interrupt();
    holder.end(LIMIT)?;
    session.lines(&["lock", "mutex", "echo", "mine"], &waiting, 1)?;
    if !waiting.end(LIMIT)?.success() || waiting.output() != "mine\n" {
        return Err(format!(
            "the second one runs its command: {}",
            waiting.output()
        ));
    }
    session.prints(&["get", key], "")?;
    session.prints(&["get", "--prefix", "mutex/"], "")?;
    // The lock's command decides the exit code, and sees what it holds.
    session.fails(&["lock", "mutex", "false"], "")?;
    let own = session.ok(&[
        "lock",
        "mutex",
        "--",
        "sh",
        "-c",
        "echo $ETCD_LOCK_KEY $ETCD_LOCK_REV",
    ])?;
    if !own.starts_with("mutex/") {
        return Err(format!("the command's environment names the lock: {own}"));
    }
    Ok(())
}
