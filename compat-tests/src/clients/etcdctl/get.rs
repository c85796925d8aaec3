//! get with each of its options and output forms.

use super::session::{Session, Version};

pub(super) fn play(session: &mut Session) -> Result<(), String> {
    let first = fill(session)?;
    ranges(session)?;
    orders(session)?;
    revisions(session, first)?;
    forms(session)?;
    if session.version == Version::V3_7 {
        newer_options(session, first)?;
    }
    Ok(())
}

/// Keys get/a to get/e; gives the revision of the first. Their values fall as their names rise, and
/// get/c is written twice.
fn fill(session: &mut Session) -> Result<i64, String> {
    let before = session.revision()?;
    for (key, value) in [
        ("a", "5"),
        ("b", "4"),
        ("c", "0"),
        ("d", "2"),
        ("e", "1"),
        ("c", "3"),
    ] {
        session.prints(&["put", &format!("get/{key}"), value], "OK\n")?;
    }
    Ok(before + 1)
}

fn ranges(session: &mut Session) -> Result<(), String> {
    session.prints(&["get", "get/none"], "")?;
    session.prints(&["get", "get/a"], "get/a\n5\n")?;
    session.prints(&["get", "get/a", "get/c"], "get/a\n5\nget/b\n4\n")?;
    session.prints(&["get", "get/c", "get/a"], "")?;
    let all = "get/a\n5\nget/b\n4\nget/c\n3\nget/d\n2\nget/e\n1\n";
    session.prints(&["get", "--prefix", "get/"], all)?;
    session.prints(&["get", "--prefix", ""], all)?;
    session.prints(&["get", "--from-key", "get/d"], "get/d\n2\nget/e\n1\n")?;
    session.prints(
        &["get", "--prefix", "get/", "--limit=2"],
        "get/a\n5\nget/b\n4\n",
    )?;
    session.prints(&["get", "--prefix", "get/", "--limit=9"], all)?;
    let limited = session.json(&["get", "--prefix", "get/", "--limit=2"])?;
    if limited["count"] != 5 || limited["more"] != true {
        return Err(format!(
            "a limited answer says that there is more: {limited}"
        ));
    }
    session.prints(
        &["get", "--prefix", "get/", "--keys-only", "--limit=1"],
        "get/a\n\n",
    )?;
    session.prints(&["get", "get/a", "--print-value-only"], "5\n")?;
    session.prints(&["get", "get/a", "--consistency=s"], "get/a\n5\n")?;
    session.fails(&["get", ""], "etcdserver: key is not provided")
}

fn orders(session: &mut Session) -> Result<(), String> {
    let keys = |order: &str| {
        order
            .chars()
            .map(|key| format!("get/{key}\n\n"))
            .collect::<String>()
    };
    for (by, ascending) in [
        ("KEY", "abcde"),
        ("CREATE", "abcde"),
        ("MODIFY", "abdec"),
        ("VALUE", "edcba"),
        ("VERSION", "abdec"),
    ] {
        let sort = format!("--sort-by={by}");
        let mut arguments = vec![
            "get",
            "--prefix",
            "get/",
            "--keys-only",
            &sort,
            "--order=ASCEND",
        ];
        if by == "VALUE" {
            // Keys only would leave no values to sort by.
            arguments.remove(3);
            session.prints(
                &arguments,
                "get/e\n1\nget/d\n2\nget/c\n3\nget/b\n4\nget/a\n5\n",
            )?;
            continue;
        }
        session.prints(&arguments, &keys(ascending))?;
        *arguments.last_mut().expect("it is not empty") = "--order=DESCEND";
        session.ok(&arguments)?;
    }
    let newest = [
        "get",
        "--prefix",
        "get/",
        "--sort-by=MODIFY",
        "--order=DESCEND",
        "--limit=1",
    ];
    session.prints(&newest, "get/c\n3\n")
}

fn revisions(session: &mut Session, first: i64) -> Result<(), String> {
    let at = |revision: i64| format!("--rev={revision}");
    session.prints(&["get", "get/c", &at(first + 2)], "get/c\n0\n")?;
    session.prints(&["get", "get/c", &at(first + 1)], "")?;
    session.prints(
        &["get", "--prefix", "get/", &at(first + 1)],
        "get/a\n5\nget/b\n4\n",
    )?;
    let future = "etcdserver: mvcc: required revision is a future revision";
    session.fails(&["get", "get/c", &at(first + 1000)], future)
}

fn forms(session: &mut Session) -> Result<(), String> {
    session.ok(&["get", "get/c", "-w", "json"])?;
    session.ok(&["get", "get/c", "-w", "fields"])?;
    session.ok(&["get", "--prefix", "get/", "-w", "fields", "--limit=2"])?;
    session.ok(&["get", "--prefix", "get/", "-w", "json", "--keys-only"])?;
    session.ok(&["get", "get/none", "-w", "json"])?;
    session.ok(&["get", "get/none", "-w", "fields"])?;
    session.prints(&["get", "get/a", "-w", "simple"], "get/a\n5\n")
}

fn newer_options(session: &mut Session, first: i64) -> Result<(), String> {
    let count = session.ok(&["get", "--prefix", "get/", "--count-only", "-w", "fields"])?;
    if !count.contains("\"Count\" : 5\n") || count.contains("\"Key\"") {
        return Err(format!("a count without keys: {count}"));
    }
    let bound = |name: &str, revision: i64| format!("--{name}={revision}");
    for (option, expected) in [
        (bound("min-mod-rev", first + 4), "get/c\n\nget/e\n\n"),
        (bound("max-mod-rev", first + 1), "get/a\n\nget/b\n\n"),
        (bound("min-create-rev", first + 3), "get/d\n\nget/e\n\n"),
        (bound("max-create-rev", first), "get/a\n\n"),
    ] {
        session.prints(
            &["get", "--prefix", "get/", "--keys-only", &option],
            expected,
        )?;
    }
    session.ok(&["get", "--prefix", "get/", "--stream"])?;
    session
        .ok(&["get", "--prefix", "get/", "--stream", "-w", "json"])
        .map(drop)
}
