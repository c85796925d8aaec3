//! Client libraries write at the members that stay while the leader goes: none of their writes
//! fails, and none is carried out twice, by the servers or by a retry of the library's.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use quorate_compat_tests::exec::{Follow, guarded, until};
use quorate_compat_tests::peers;
use quorate_compat_tests::server::{Cluster, Kind, Ports};
use quorate_compat_tests::trouble::Trouble;

use crate::setting::{LIMIT, have, times};

/// Rounds of writes that each client does before the leader goes, and after it has gone.
const ROUNDS: usize = 3;
const PAUSE: Duration = Duration::from_millis(1500);

/// A program of the matrix that writes, with a member's address and a key after its arguments.
struct Library {
    name: &'static str,
    is_etcd: bool,
    command: Vec<PathBuf>,
}

fn libraries() -> Vec<Library> {
    type Program = Result<PathBuf, Trouble>;
    let source = |name: &str| peers::package_path(&format!("clients/{name}"));
    let python = |name: &str| -> Result<Vec<PathBuf>, Trouble> {
        Ok(vec![
            peers::python_environment(name)?,
            source(name).join("main.py"),
        ])
    };
    let node = |package: Program| Ok(vec!["node".into(), package?.join("main.js")]);
    let alone = |program: Program| Ok(vec![program?]);
    let all = [
        ("go-etcd", true, alone(peers::go_program("go-etcd"))),
        ("rust-etcd", true, alone(peers::cargo_program("rust-etcd"))),
        ("python-etcd", true, python("python-etcd")),
        ("go-redis", false, alone(peers::go_program("go-redis"))),
        (
            "rust-redis",
            false,
            alone(peers::plain_cargo_program("rust-redis")),
        ),
        ("python-redis", false, python("python-redis")),
        ("node-redis", false, node(peers::node_package("node-redis"))),
    ];
    let library = |(name, is_etcd, command)| {
        let command = have(command)?;
        Some(Library {
            name,
            is_etcd,
            command,
        })
    };
    all.into_iter().filter_map(library).collect()
}

impl Library {
    fn start(&self, member: &Ports, key: &str) -> Follow {
        let port = match self.is_etcd {
            true => member.client,
            false => member.redis,
        };
        let mut command: Command = guarded(&self.command[0]);
        command.args(&self.command[1..]);
        command.args([&format!("127.0.0.1:{port}"), "once", key]);
        // Nothing is written beside the sources.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        Follow::start(command).expect("the client starts")
    }
}

/// Every client does some more rounds from now on.
fn go_on(clients: &[(&'static str, Follow)]) {
    let done = |client: &Follow| client.output().matches("done ").count();
    let before: Vec<usize> = clients.iter().map(|(_, client)| done(client)).collect();
    for ((name, client), before) in clients.iter().zip(before) {
        let more = until(LIMIT, || match done(client) >= before + ROUNDS {
            true => Ok(()),
            false => Err(client.output()),
        });
        more.unwrap_or_else(|why| panic!("{name} does not go on: {why}"));
    }
}

#[test]
fn client_libraries_write_once_and_without_errors_when_the_leader_goes() {
    let libraries = libraries();
    let Some(mut servers) = have(Cluster::start(Kind::Quorate, 3)) else {
        return;
    };
    for turn in 0..times(3, 30) {
        let leader = servers.leader(LIMIT).expect("somebody leads");
        let others = [1, 2].map(|step| servers.ports()[(leader + step) % 3]);
        let start = |library: &Library| {
            let key = format!("library/{}/{turn}", library.name);
            let member = &others[turn % 2];
            (library.name, library.start(member, &key))
        };
        let clients: Vec<_> = libraries.iter().map(start).collect();
        go_on(&clients);
        let gone = Instant::now();
        match turn % 3 {
            0 => servers.member(leader).kill(),
            1 => servers.member(leader).pause(),
            _ => servers.member(leader).stop(),
        }
        go_on(&clients);
        if turn % 3 == 1 {
            std::thread::sleep(PAUSE.saturating_sub(gone.elapsed()));
            servers.member(leader).resume();
        } else {
            servers.member(leader).start().expect("it starts again");
        }
        go_on(&clients);
        drop(clients);
        servers.wait_ready(LIMIT).expect("all members are ready");
    }
}
