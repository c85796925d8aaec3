//! lease grant, keep-alive, timetolive, list and revoke, and what an ending lease takes with it.

use super::session::{Session, check_equal};

pub(super) fn play(session: &mut Session) -> Result<(), String> {
    session.prints(&["lease", "list"], "found 0 leases\n")?;
    let lease = grant(session, 60)?;
    session.prints(&["lease", "list"], &format!("found 1 leases\n{lease}\n"))?;
    attach(session, &lease)?;
    json(session, &lease)?;
    keep_alive(session, &lease)?;
    revoke(session, &lease)?;
    expiry(session)?;
    unknown(session)
}

fn grant(session: &mut Session, seconds: u32) -> Result<String, String> {
    let said = session.ok(&["lease", "grant", &seconds.to_string()])?;
    let words: Vec<&str> = said.split_whitespace().collect();
    match words[..] {
        ["lease", id, "granted", "with", ttl] if ttl == format!("TTL({seconds}s)") => {
            Ok(id.to_owned())
        }
        _ => Err(format!("lease grant {seconds}: {said}")),
    }
}

fn attach(session: &mut Session, lease: &str) -> Result<(), String> {
    let with = format!("--lease={lease}");
    session.prints(&["put", "lease/a", "1", &with], "OK\n")?;
    // More than one key would come in no particular order.
    let keys = session.ok(&["lease", "timetolive", lease, "--keys"])?;
    if !keys.ends_with(", attached keys([lease/a])\n") {
        return Err(format!("the keys of the lease: {keys}"));
    }
    session.prints(&["put", "lease/b", "1", &with], "OK\n")?;
    session.prints(&["put", "lease/c", "1", &with], "OK\n")?;
    // A put without the lease takes the key away from it; one that ignores the lease keeps it.
    session.prints(&["put", "lease/b", "2"], "OK\n")?;
    session.prints(&["put", "lease/c", "2", "--ignore-lease"], "OK\n")?;
    session.ok(&["get", "--prefix", "lease/", "-w", "fields"])?;
    let left = session.ok(&["lease", "timetolive", lease])?;
    if !left.starts_with(&format!("lease {lease} granted with TTL(60s), remaining(5")) {
        return Err(format!("a fresh lease has 50 to 59 seconds left: {left}"));
    }
    Ok(())
}

/// Which fields an answer has, and what an absent list looks like.
fn json(session: &mut Session, lease: &str) -> Result<(), String> {
    for arguments in [
        &["lease", "timetolive", lease][..],
        &["lease", "timetolive", "123", "--keys"],
        &["lease", "list"],
        &["lease", "keep-alive", "--once", lease],
    ] {
        session.json(arguments)?;
    }
    let own = session.json(&["lease", "grant", "60"])?;
    let Some(id) = own["ID"].as_i64() else {
        return Err(format!("a lease without an id: {own}"));
    };
    session
        .json(&["lease", "revoke", &format!("{id:x}")])
        .map(drop)
}

fn keep_alive(session: &mut Session, lease: &str) -> Result<(), String> {
    let kept = format!("lease {lease} keepalived with TTL(60)\n");
    session.prints(&["lease", "keep-alive", "--once", lease], &kept)?;
    let arguments = ["lease", "keep-alive", lease];
    let followed = session.follow(&arguments)?;
    check_equal(
        "keep-alive",
        &session.lines(&arguments, &followed, 1)?,
        &kept,
    )
}

fn revoke(session: &mut Session, lease: &str) -> Result<(), String> {
    let from = format!("--rev={}", session.revision()? + 1);
    session.prints(
        &["lease", "revoke", lease],
        &format!("lease {lease} revoked\n"),
    )?;
    session.prints(&["get", "--prefix", "lease/"], "lease/b\n2\n")?;
    let arguments = ["watch", "--prefix", "lease/", &from, "-w", "json"];
    let followed = session.follow(&arguments)?;
    // Both keys go in one revision.
    session.lines(&arguments, &followed, 1)?;
    let gone = format!("lease {lease} already expired\n");
    session.prints(&["lease", "timetolive", lease], &gone)?;
    session.prints(&["lease", "list"], "found 0 leases\n")
}

/// A lease of 2 seconds that nobody keeps alive ends by itself, and its key with it.
fn expiry(session: &mut Session) -> Result<(), String> {
    let lease = grant(session, 2)?;
    let from = format!("--rev={}", session.revision()? + 1);
    session.prints(
        &["put", "lease/short", "1", &format!("--lease={lease}")],
        "OK\n",
    )?;
    let arguments = ["watch", "lease/short", &from];
    let followed = session.follow(&arguments)?;
    let events = "PUT\nlease/short\n1\nDELETE\nlease/short\n\n";
    check_equal("expiry", &session.lines(&arguments, &followed, 6)?, events)?;
    session.prints(
        &["lease", "timetolive", &lease],
        &format!("lease {lease} already expired\n"),
    )
}

fn unknown(session: &mut Session) -> Result<(), String> {
    let missing = "etcdserver: requested lease not found";
    session.prints(
        &["lease", "timetolive", "123"],
        "lease 0000000000000123 already expired\n",
    )?;
    session.fails(&["lease", "revoke", "123"], missing)?;
    session.fails(&["lease", "keep-alive", "--once", "123"], missing)?;
    session.ok(&["lease", "keep-alive", "123"])?;
    session.fails(
        &["lease", "grant", "9000000001"],
        "etcdserver: too large lease TTL",
    )
}
