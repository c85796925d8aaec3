//! watch: from a revision on, for keys, prefixes and ranges, with previous values.
//!
//! Every watch names the revision that it starts from, so what it prints does not depend on
//! whether it or the writes come first.

use super::session::{Session, check_equal};

pub(super) fn play(session: &mut Session) -> Result<(), String> {
    let first = session.revision()? + 1;
    let rev = format!("--rev={first}");
    let live = ["watch", "--prefix", "watch/", &rev];
    let early = session.follow(&live)?;
    write(session)?;
    let events = "PUT\nwatch/a\n1\nPUT\nwatch/a\n2\nPUT\nwatch/b\n1\nDELETE\nwatch/a\n\n";
    check_equal("a live watch", &session.lines(&live, &early, 12)?, events)?;
    past(session, &rev, events)?;
    interactive(session)
}

fn write(session: &mut Session) -> Result<(), String> {
    session.prints(&["put", "watch/a", "1"], "OK\n")?;
    session.prints(&["put", "watch/a", "2"], "OK\n")?;
    session.prints(&["put", "watch/b", "1"], "OK\n")?;
    session.prints(&["del", "watch/a"], "1\n")?;
    session.prints(&["put", "watci", "outside"], "OK\n")
}

fn past(session: &mut Session, rev: &str, all: &str) -> Result<(), String> {
    expect(session, &["watch", "--prefix", "watch/", rev], all)?;
    let one = "PUT\nwatch/a\n1\nPUT\nwatch/a\n2\nDELETE\nwatch/a\n\n";
    expect(session, &["watch", "watch/a", rev], one)?;
    expect(session, &["watch", "watch/a", "watch/b", rev], one)?;
    let previous = "PUT\nwatch/a\n1\nPUT\nwatch/a\n1\nwatch/a\n2\nDELETE\nwatch/a\n2\nwatch/a\n\n";
    expect(session, &["watch", "--prev-kv", "watch/a", rev], previous)?;
    let from = "PUT\nwatch/b\n1\nPUT\nwatci\noutside\n";
    expect(session, &["watch", "watch/b", "watcj", rev], from)?;
    let json = [
        "watch",
        "--prefix",
        "watch/",
        rev,
        "--prev-kv",
        "-w",
        "json",
    ];
    let followed = session.follow(&json)?;
    session.lines(&json, &followed, 1)?;
    let fields = ["watch", "watch/b", rev, "-w", "fields"];
    let followed = session.follow(&fields)?;
    session.lines(&fields, &followed, 11).map(drop)
}

/// Plays a watch until it has printed as many lines as `expected` has.
fn expect(session: &mut Session, arguments: &[&str], expected: &str) -> Result<(), String> {
    let followed = session.follow(arguments)?;
    let got = session.lines(arguments, &followed, expected.lines().count())?;
    check_equal(&format!("{arguments:?}"), &got, expected)
}

/// Interactive: several watches on one stream, and a line that is no command.
fn interactive(session: &mut Session) -> Result<(), String> {
    let next = session.revision()? + 1;
    let arguments = ["watch", "-i"];
    let mut followed = session.follow(&arguments)?;
    followed.say(&format!(
        "watch watch/i --rev={next}\nwatch watch/j --rev={next}\n"
    ))?;
    session.prints(&["put", "watch/i", "1"], "OK\n")?;
    check_equal(
        "first",
        &session.lines(&arguments, &followed, 3)?,
        "PUT\nwatch/i\n1\n",
    )?;
    session.prints(&["put", "watch/j", "2"], "OK\n")?;
    check_equal(
        "second",
        &session.lines(&arguments, &followed, 3)?,
        "PUT\nwatch/j\n2\n",
    )?;
    followed.say("progress\n")?;
    // Each of the two watches is told.
    let progress = session.lines(&arguments, &followed, 2)?;
    let expected = format!("progress notify: {}\n", next + 1).repeat(2);
    check_equal("progress", &progress, &expected)?;
    followed.say("nonsense\n")?;
    let refused = session.lines(&arguments, &followed, 1)?;
    let expected = "Invalid command nonsense (only support watch)\n";
    check_equal("a line that is no command", &refused, expected)
}
