//! txn, as its interactive form takes it from standard input.

use super::session::{Session, check_equal};

pub(super) fn play(session: &mut Session) -> Result<(), String> {
    session.prints(&["put", "txn/a", "1"], "OK\n")?;
    guards(session)?;
    refusals(session)
}

/// `compares`, `then` and `otherwise` are the three blocks, ended by blank lines.
fn txn(session: &mut Session, blocks: [&str; 3], expected: &str) -> Result<(), String> {
    let got = session.ok_with_input(&["txn"], &input(blocks))?;
    check_equal(&format!("txn {blocks:?}"), &got, expected)
}

/// Each block's lines, and the blank line that ends it.
fn input(blocks: [&str; 3]) -> String {
    let lines = |block: &str| {
        block
            .lines()
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    blocks
        .into_iter()
        .map(|block| lines(block) + "\n")
        .collect()
}

fn guards(session: &mut Session) -> Result<(), String> {
    let then = "put txn/a 2\nget txn/a\ndel txn/none";
    let succeeded = "SUCCESS\n\nOK\n\ntxn/a\n2\n\n0\n";
    txn(session, ["value(\"txn/a\") = \"1\"", then, ""], succeeded)?;
    let failed = "FAILURE\n\ntxn/a\n2\n";
    txn(
        session,
        ["value(\"txn/a\") = \"1\"", then, "get txn/a"],
        failed,
    )?;
    // A key that does not exist has version and revisions 0, and an empty value.
    txn(
        session,
        ["version(\"txn/b\") = \"0\"", "put txn/b new", ""],
        "SUCCESS\n\nOK\n",
    )?;
    txn(
        session,
        ["create(\"txn/b\") = \"0\"", "", "get txn/b"],
        "FAILURE\n\ntxn/b\nnew\n",
    )?;
    let all = "version(\"txn/a\") > \"1\"\nmod(\"txn/a\") > \"1\"\ncreate(\"txn/a\") < \"9999\"\n\
               value(\"txn/a\") != \"3\"";
    txn(
        session,
        [all, "get --prefix txn/", ""],
        "SUCCESS\n\ntxn/a\n2\ntxn/b\nnew\n",
    )?;
    txn(session, ["", "", ""], "SUCCESS\n")?;
    // All its writes have one revision.
    let before = session.revision()?;
    let writes = "put txn/x 1\nput txn/y 2\ndel txn/b --prev-kv";
    txn(
        session,
        ["", writes, ""],
        "SUCCESS\n\nOK\n\nOK\n\n1\ntxn/b\nnew\n",
    )?;
    let after = session.revision()?;
    if after != before + 1 {
        return Err(format!(
            "a transaction is one revision: {before} then {after}"
        ));
    }
    session.ok_with_input(
        &["txn", "-w", "json"],
        &input(["", "get --prefix txn/\nput txn/z 3", ""]),
    )?;
    session
        .ok_with_input(&["txn", "-w", "fields"], &input(["", "get txn/z", ""]))
        .map(drop)
}

fn refusals(session: &mut Session) -> Result<(), String> {
    for block in ["put txn/d 1\nput txn/d 2", "del --prefix txn/\nput txn/d 1"] {
        match session.ok_with_input(&["txn"], &input(["", block, ""])) {
            Err(why) if why.contains("etcdserver: duplicate key given in txn request") => {}
            other => return Err(format!("two writes of one key are refused: {other:?}")),
        }
    }
    session.prints(&["get", "txn/d"], "")
}
