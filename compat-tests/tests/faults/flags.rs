//! Starts as people make them, each on a loopback of its own where all ports are free: three
//! members with etcd's flags only, the README's block for three members, and the default ports.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use quorate_compat_tests::alone::alone;
use quorate_compat_tests::exec::run;
use quorate_compat_tests::peers;
use quorate_compat_tests::program;

use crate::setting::have;

const LIMIT: Duration = Duration::from_secs(60);

/// Functions for the scripts, which end with the first command that fails.
const PRELUDE: &str = include_str!("flags/prelude.sh");

/// Runs a script with `$QUORATE` and `$ETCDCTL` in an empty directory; gives what it printed, and
/// `None` on a machine that can't run it.
fn play(script: &str, prepare: impl FnOnce(&Path)) -> Option<String> {
    let quorate = have(program::quorate())?;
    let etcdctl = have(peers::etcdctl_3_7())?;
    let directory = tempfile::tempdir().expect("a temporary directory");
    prepare(directory.path());
    let mut command = have(alone(&format!("{PRELUDE}\n{script}"), directory.path()))?;
    command.env("QUORATE", quorate).env("ETCDCTL", etcdctl);
    let finished = run(command, "", LIMIT).expect("the script ends");
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(finished.status.success(), "{}\n{said}", finished.status);
    Some(finished.stdout)
}

#[test]
fn three_members_with_etcds_flags_only_open_what_etcd_opens() {
    let Some(said) = play(include_str!("flags/etcd_flags.sh"), |_| {}) else {
        return;
    };
    assert_eq!(said, "listening: 2379 2380 22379 22380 32379 32380\nbar\n");
}

#[test]
fn a_default_port_that_is_taken_is_left_out_and_one_that_was_asked_for_is_not() {
    let Some(said) = play(include_str!("flags/default_ports.sh"), |_| {}) else {
        return;
    };
    let expected = "listening: 2379 2380 6379\n\
                    listening: 2379 2380\n\
                    taken: 1 warning, 2379 answers\n\
                    asked for: refused, told how to go on\n";
    assert_eq!(said, expected);
}

/// The block is pasted as it stands. `cargo` is a stand-in, for the program is built already, and
/// lies where the block looks for it.
#[test]
fn the_readmes_three_members_start_by_copy_and_paste() {
    let readme = fs::read_to_string(peers::package_path("../README.md")).expect("a README");
    let (_, after) = readme
        .split_once("## Three members on one machine")
        .expect("the README has the section");
    let (_, block) = after
        .split_once("```sh\n")
        .expect("the section has a block");
    let (block, _) = block.split_once("```").expect("the block ends");
    let script = include_str!("flags/readme.sh").replace("# THE BLOCK\n", block);
    let prepare = |directory: &Path| {
        let release = directory.join("target/release");
        fs::create_dir_all(&release).expect("a directory");
        let program = program::quorate().expect("it was there a moment ago");
        symlink(program, release.join("quorate")).expect("a link");
    };
    let Some(said) = play(&script, prepare) else {
        return;
    };
    let expected = "listening: 2379 2380 6379 12379 12380 16379 22379 22380 26379\n\
                    3 of 3 healthy\n\
                    me\n";
    assert_eq!(said, expected);
}
