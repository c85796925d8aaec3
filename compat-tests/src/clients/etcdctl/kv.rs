//! put and del: revisions, previous values, counts and what they refuse.

use super::session::Session;

pub(super) fn play(session: &mut Session) -> Result<(), String> {
    put(session)?;
    del(session)
}

fn put(session: &mut Session) -> Result<(), String> {
    session.prints(&["put", "kv/a", "1"], "OK\n")?;
    session.prints(&["put", "kv/a", "2", "--prev-kv"], "OK\nkv/a\n1\n")?;
    session.prints(&["put", "kv/new", "", "--prev-kv"], "OK\n")?;
    session.prints(&["get", "kv/new", "--print-value-only"], "\n")?;
    let answer = session.json(&["put", "kv/a", "3", "--prev-kv"])?;
    let previous = &answer["prev_kv"];
    let expected = serde_json::json!({
        "key": "a3YvYQ==", "create_revision": 2, "mod_revision": 3, "version": 2, "value": "Mg==",
    });
    if *previous != expected || answer["header"]["revision"] != 5 {
        return Err(format!(
            "the fourth write is revision 5 with what it replaced: {answer}"
        ));
    }
    session.ok(&["put", "kv/a", "4", "-w", "fields", "--prev-kv"])?;
    session.prints(&["put", "kv/a", "--ignore-lease", "5"], "OK\n")?;
    session.fails(
        &["put", "kv/none", "--ignore-value"],
        "etcdserver: key not found",
    )?;
    session.fails(
        &["put", "kv/none", "x", "--ignore-lease"],
        "etcdserver: key not found",
    )?;
    session.fails(&["put", "", "x"], "etcdserver: key is not provided")?;
    session.fails(
        &["put", "kv/a", "x", "--lease=123"],
        "etcdserver: requested lease not found",
    )?;
    // A value from standard input keeps its line ends.
    session.ok_with_input(&["put", "kv/stdin"], "two\nlines\n")?;
    session.prints(&["get", "kv/stdin", "--print-value-only"], "two\nlines\n\n")?;
    session.prints(&["put", "kv/ключ", "значение"], "OK\n")?;
    session.prints(
        &["get", "kv/ключ", "--hex"],
        concat!(
            r"\x6b\x76\x2f\xd0\xba\xd0\xbb\xd1\x8e\xd1\x87",
            "\n",
            r"\xd0\xb7\xd0\xbd\xd0\xb0\xd1\x87\xd0\xb5\xd0\xbd\xd0\xb8\xd0\xb5",
            "\n",
        ),
    )
}

fn del(session: &mut Session) -> Result<(), String> {
    for key in ["del/a", "del/b", "del/c", "del/d", "dem"] {
        session.prints(&["put", key, "x"], "OK\n")?;
    }
    let before = session.revision()?;
    session.prints(&["del", "del/none"], "0\n")?;
    if session.revision()? != before {
        return Err("a deletion of nothing makes no revision".to_owned());
    }
    session.prints(&["del", "del/a", "--prev-kv"], "1\ndel/a\nx\n")?;
    session.prints(&["del", "del/b", "del/d"], "2\n")?;
    session.prints(&["put", "del/a", "y"], "OK\n")?;
    let expected = "2\ndel/a\ny\ndel/d\nx\n";
    session.prints(&["del", "--prefix", "del/", "--prev-kv"], expected)?;
    session.ok(&["put", "del/a", "z"])?;
    session.ok(&["del", "del/a", "--prev-kv", "-w", "json"])?;
    session.ok(&["del", "del/a", "-w", "fields"])?;
    // The four keys under kv/ come after `dem`.
    session.prints(&["del", "dem", "--from-key"], "5\n")?;
    session.fails(&["del", ""], "etcdserver: key is not provided")
}
