//! Flags, variables and the configuration file, beside the real etcd: every flag that it names in
//! its help is known, its defaults are taken, and one file starts both.

use std::time::Duration;

use quorate_compat_tests::exec::{Finished, Follow, guarded, run};
use quorate_compat_tests::server::{Kind, Ports};
use quorate_compat_tests::trouble::have;

const LIMIT: Duration = Duration::from_secs(20);

/// Both programs, or `None` with a line that says what this machine lacks.
fn program(kind: Kind) -> Option<std::path::PathBuf> {
    have(kind.program())
}

/// The flags in etcd's own help, each with the default that it tells.
fn etcds_flags(etcd: &std::path::Path) -> Vec<(String, Option<String>)> {
    let mut command = guarded(etcd);
    command.arg("--help");
    let help = run(command, "", LIMIT).expect("it ends").stdout;
    let lines = help.lines().filter_map(|line| line.strip_prefix("  --"));
    let flags = lines.map(|line| match line.split_once(' ') {
        Some((flag, default)) => {
            let default = default.trim_matches('\'');
            (flag.to_string(), Some(default.to_string()))
        }
        None => (line.to_string(), None),
    });
    flags.collect()
}

fn version_with(quorate: &std::path::Path, argument: &str) -> Finished {
    let mut command = guarded(quorate);
    command.args([argument, "--version"]);
    run(command, "", LIMIT).expect("it ends")
}

#[test]
fn every_flag_of_etcd_is_known_and_its_default_taken() {
    let (Some(etcd), Some(quorate)) = (program(Kind::Etcd), program(Kind::Quorate)) else {
        return;
    };
    let flags = etcds_flags(&etcd);
    assert!(flags.len() > 100, "{} flags in etcd's help", flags.len());
    for (flag, default) in flags {
        let known = version_with(&quorate, &format!("--{flag}="));
        let told = known.stderr;
        assert!(!told.contains("is not a flag"), "--{flag}: {told}");
        // Two defaults of the help are no values: one is a Go name, others are left out.
        let Some(default) = default.filter(|value| !value.is_empty() && !value.contains("math."))
        else {
            continue;
        };
        let taken = version_with(&quorate, &format!("--{flag}={default}"));
        let told = taken.stderr.clone();
        assert!(taken.success().is_ok(), "--{flag}={default}: {told}");
    }
    let unknown = version_with(&quorate, "--no-such-flag=1");
    assert!(
        unknown.stderr.contains("is not a flag"),
        "{}",
        unknown.stderr
    );
}

/// A file in etcd's form, with a key that nobody knows.
fn file(ports: Ports, data: &std::path::Path) -> String {
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    format!(
        "name: m1\ndata-dir: {}\nlisten-client-urls: {client}\nadvertise-client-urls: {client}\n\
         listen-peer-urls: {peer}\ninitial-advertise-peer-urls: {peer}\n\
         initial-cluster: m1={peer}\ninitial-cluster-state: new\nsnapshot-count: 5000\n\
         watch-progress-notify-interval: 5000000000\npre-vote: true\nlog-outputs: [stderr]\n\
         wal-dir:\nclient-transport-security:\n  cert-file:\n  auto-tls: false\nno-such-key: 1\n",
        data.display(),
        client = url(ports.client),
        peer = url(ports.peer)
    )
}

#[test]
fn one_file_starts_both_and_other_flags_are_ignored() {
    for kind in [Kind::Etcd, Kind::Quorate] {
        let Some(program) = program(kind) else {
            return;
        };
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("etcd.yml");
        let text = file(Ports::free(), &directory.path().join("data"));
        std::fs::write(&path, text).expect("written");
        let mut command = guarded(program);
        command
            .arg(format!("--config-file={}", path.display()))
            .args(["--name=other", "--cert-file=/no/such"])
            .env("ETCD_KEY_FILE", "/no/such");
        let server = Follow::start(command).expect("it starts");
        loop {
            let line = server.line(LIMIT).expect("it gets ready");
            if line.contains("ready to serve client requests") {
                break;
            }
        }
        assert!(directory.path().join("data").exists(), "{kind:?}");
    }
}

#[test]
fn both_refuse_the_same_files() {
    for (text, told) in [
        ("- a\n", ""),
        (
            "watch-progress-notify-interval: 10m\n",
            "watch-progress-notify-interval",
        ),
        ("snapshot-count: \"5\"\n", "snapshot-count"),
        ("name: [\n", ""),
    ] {
        for kind in [Kind::Etcd, Kind::Quorate] {
            let Some(program) = program(kind) else {
                return;
            };
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("etcd.yml");
            std::fs::write(&path, text).expect("written");
            let mut command = guarded(program);
            command
                .arg("--config-file")
                .arg(&path)
                .current_dir(directory.path());
            let refused = run(command, "", LIMIT).expect("it ends");
            assert!(!refused.status.success(), "{kind:?} takes {text}");
            let said = refused.stdout + &refused.stderr;
            assert!(said.contains(told), "{kind:?} of {text}: {said}");
        }
    }
}
