//! compaction: what it forgets, what it keeps, and what it refuses.

use super::session::Session;

pub(super) fn play(session: &mut Session) -> Result<(), String> {
    for value in ["1", "2", "3"] {
        session.prints(&["put", "compact/a", value], "OK\n")?;
    }
    session.prints(&["put", "compact/gone", "x"], "OK\n")?;
    session.prints(&["del", "compact/gone"], "1\n")?;
    let now = session.revision()?;
    let at = |revision: i64| format!("--rev={revision}");
    let kept = now - 3;
    let done = format!("compacted revision {kept}\n");
    session.prints(&["compaction", &kept.to_string()], &done)?;
    // The state at the compacted revision is kept, what came before it is not.
    session.prints(&["get", "compact/a", &at(kept)], "compact/a\n2\n")?;
    let compacted = "etcdserver: mvcc: required revision has been compacted";
    session.fails(&["get", "compact/a", &at(kept - 1)], compacted)?;
    session.fails(&["compaction", &kept.to_string()], compacted)?;
    let future = "etcdserver: mvcc: required revision is a future revision";
    session.fails(&["compaction", &(now + 100).to_string()], future)?;
    // A watch from before the compaction is cancelled and told why.
    let told = format!("watch was canceled ({compacted})");
    session.fails(&["watch", "compact/a", &at(kept - 1)], &told)?;
    let done = format!("compacted revision {now}\n");
    session.prints(&["compaction", "--physical", &now.to_string()], &done)?;
    session.prints(&["get", "--prefix", "compact/"], "compact/a\n3\n")?;
    session.ok(&["endpoint", "hashkv", "-w", "json"]).map(drop)
}
