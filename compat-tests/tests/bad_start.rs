//! Starts that must fail: one message that says what, why and what to do, an exit code that is not
//! zero, no backtrace, and nothing left behind.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use quorate_compat_tests::exec::{self, Finished, guarded};
use quorate_compat_tests::program;
use quorate_compat_tests::server::{Cluster, Kind, Ports};
use quorate_compat_tests::trouble::{Trouble, have};
use rustix::process::geteuid;

const LIMIT: Duration = Duration::from_secs(20);

/// A place of its own for a server that is started by hand.
struct Place {
    ports: Ports,
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place {
            ports: Ports::free(),
            directory: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A command line that would start, but for what `extra` changes.
    fn command(&self, data: &Path, extra: &[&str]) -> Command {
        let mut command = guarded(program::quorate().expect("the program"));
        let [client, peer] = [self.ports.client, self.ports.peer].map(url);
        command
            .arg("--data-dir")
            .arg(data)
            .args(["--listen-client-urls", &client])
            .args(["--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer])
            .args(["--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("default={peer}")])
            .args(extra);
        command
    }

    fn start(&self, data: &Path, extra: &[&str]) -> Finished {
        let finished = exec::run(self.command(data, extra), "", LIMIT);
        finished.expect("a start that fails ends at once")
    }

    /// Fails with one message that has all of `words`.
    fn refused(&self, extra: &[&str], words: &[&str]) {
        let data = self.data();
        refused(&self.start(&data, extra), words);
        assert!(!data.exists(), "{extra:?} left something behind");
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn refused(finished: &Finished, words: &[&str]) {
    let Finished {
        status,
        stdout,
        stderr,
    } = finished;
    assert_eq!(status.code(), Some(1), "{stdout}{stderr}");
    assert_eq!(stdout, "", "beside {stderr}");
    assert_eq!(stderr.lines().count(), 1, "one message: {stderr}");
    assert!(stderr.starts_with("quorate: "), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "no \"{word}\" in {stderr}");
    }
}

#[test]
fn flags_that_do_not_exist_or_contradict_each_other() {
    let place = Place::new();
    let cases: [(&[&str], &[&str]); 12] = [
        (
            &["--nosuch", "1"],
            &["--nosuch is not a flag", "see --help"],
        ),
        (&["word"], &["\"word\" is not a flag", "see --help"]),
        (&["--name"], &["--name needs a value"]),
        (
            &["--name", ""],
            &["--name is empty", "give the member a name"],
        ),
        (
            &["--name", "other"],
            &["couldn't find local name \"other\"", "set --name"],
        ),
        (
            &["--cert-file", "x"],
            &["--cert-file", "TLS is not supported yet", "remove the flag"],
        ),
        (
            &["--auto-compaction-retention", "1"],
            &["--auto-compaction-retention", "remove"],
        ),
        (
            &["--heartbeat-interval", "1000", "--election-timeout", "1000"],
            &[
                "--election-timeout[1000ms]",
                "5 times as --heartbeat-interval[1000ms]",
            ],
        ),
        (
            &["--max-request-bytes", "9999999"],
            &["--max-request-bytes", "from 1 to 1572864"],
        ),
        (
            &["--initial-cluster-state", "existing"],
            &["not supported yet", "write new"],
        ),
        (
            &["--initial-cluster", "default=http://127.0.0.1:1"],
            &[
                "--initial-cluster",
                "--initial-advertise-peer-urls",
                "make them equal",
            ],
        ),
        (
            &["--listen-redis-urls", "127.0.0.1:1"],
            &["is not a URL", "write redis://IP:port"],
        ),
    ];
    for (extra, words) in cases {
        place.refused(extra, words);
    }
}

#[test]
fn ports_in_use() {
    let place = Place::new();
    let taken = |port: u16| TcpListener::bind(("127.0.0.1", port)).expect("it was free");
    let advice = "free the address or choose another";
    let cases = [
        (place.ports.client, "can't listen on", advice),
        (
            place.ports.peer,
            "cannot listen for peers on",
            "choose another with --listen-peer-urls",
        ),
    ];
    for (port, what, advice) in cases {
        let _listener = taken(port);
        let data = place.directory.path().join(port.to_string());
        let address = format!("127.0.0.1:{port}");
        refused(
            &place.start(&data, &[]),
            &[what, &address, "in use", advice],
        );
        assert!(!data.exists(), "claimed by a start that failed");
    }
    let _listener = taken(place.ports.redis);
    let redis = format!("redis://127.0.0.1:{}", place.ports.redis);
    place.refused(
        &["--listen-redis-urls", &redis],
        &["can't listen on", "in use", advice],
    );
}

#[test]
fn data_directories_of_others() {
    let mut cluster = Cluster::start(Kind::Quorate, 1).expect("a member");
    let data = cluster.directory().join("m1");
    let place = Place::new();
    // It is somebody else's as well, but that can't be read as long as it is in use.
    let advice = ["in use by another process", "stop that process"];
    refused(&place.start(&data, &[]), &advice);
    cluster.member(0).stop();
    let words = [
        "belongs to member",
        "of cluster",
        "but this is member",
        "--data-dir",
    ];
    refused(&place.start(&data, &[]), &words);
    let identity = fs::read_to_string(data.join("identity")).expect("its identity");
    fs::write(data.join("identity"), "nonsense").expect("written");
    refused(
        &place.start(&data, &[]),
        &["identity file", "is damaged", "restore that file"],
    );
    fs::write(data.join("identity"), identity).expect("written");
    let member = cluster.member(0);
    member.start().expect("it starts");
    member
        .wait_ready(LIMIT)
        .expect("nothing was changed by those who tried");
}

#[test]
fn another_prefix_than_the_cluster_was_founded_with() {
    let mut cluster = Cluster::start(Kind::Quorate, 1).expect("a member");
    let member = cluster.member(0);
    let mut with = |prefix: &str| {
        member.stop();
        let variable = "QUORATE_REDIS_KEY_PREFIX".to_owned();
        member.set_environment(vec![(variable, prefix.to_owned())]);
        member.start().expect("a process");
        let started = member.wait_ready(LIMIT).is_ok();
        (started, member.log_tail(1))
    };
    let (started, why) = with("app/");
    assert!(
        !started && why.contains("start it with --redis-key-prefix=redis/"),
        "{why}"
    );
    assert!(with("redis/").0, "nothing was changed by the one before");
}

#[test]
fn data_directories_that_are_none() {
    let place = Place::new();
    let file = place.directory.path().join("file");
    fs::write(&file, "mine").expect("written");
    let advice = "choose another with --data-dir";
    refused(
        &place.start(&file, &[]),
        &["cannot create the data directory", advice],
    );
    let foreign = place.directory.path().join("foreign");
    fs::create_dir(&foreign).expect("made");
    fs::write(foreign.join("thesis.txt"), "mine").expect("written");
    refused(
        &place.start(&foreign, &[]),
        &["holds thesis.txt", "an empty directory"],
    );
    assert_eq!(
        fs::read_to_string(foreign.join("thesis.txt")).expect("there"),
        "mine"
    );
    unreadable(&place, advice);
}

/// Root may read everything, so another user starts it then.
fn unreadable(place: &Place, advice: &str) {
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    };
    set(place.directory.path(), 0o755);
    let data = place.data();
    fs::create_dir(&data).expect("made");
    set(&data, 0o000);
    let program = place.directory.path().join("quorate");
    fs::copy(program::quorate().expect("the program"), &program).expect("copied");
    let line = place.command(&data, &[]);
    let mut command = match geteuid().is_root() {
        true => as_nobody(&program),
        false => guarded(&program),
    };
    let is_first = |argument: &&std::ffi::OsStr| *argument == "--data-dir";
    let from = line.get_args().position(|argument| is_first(&argument));
    command.args(line.get_args().skip(from.expect("it is there")));
    let finished = exec::run(command, "", LIMIT).expect("a start that fails ends at once");
    let words = [
        "cannot lock the data directory",
        "Permission denied",
        advice,
    ];
    refused(&finished, &words);
}

fn as_nobody(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(program);
    command
}

/// A file system of 64 KiB, where this machine lets one be made.
#[test]
fn a_full_disk() {
    let place = Place::new();
    let mount = place.directory.path().join("small");
    fs::create_dir(&mount).expect("made");
    let on_small = |program: &std::ffi::OsStr| {
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
            .arg("mount -t tmpfs -o size=64k none \"$1\" && shift && exec \"$@\"")
            .args(["sh".as_ref(), mount.as_os_str(), program]);
        command
    };
    let tried = exec::run(on_small("true".as_ref()), "", LIMIT).and_then(Finished::success);
    if have(tried.map_err(|why| Trouble::left_out("a small file system", why))).is_none() {
        return;
    }
    let line = place.command(&mount.join("data"), &[]);
    let mut command = on_small(line.get_program());
    command.args(line.get_args());
    let finished = exec::run(command, "", LIMIT).expect("a start that fails ends at once");
    refused(&finished, &["No space left on device", "free some space"]);
}
