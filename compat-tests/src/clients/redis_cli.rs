//! redis-cli: scripts of commands fed to it, over RESP2 and RESP3; its whole output is the
//! transcript, which must be the real server's to the last byte.
//!
//! Every scenario begins on an empty server and asks for nothing that differs from run to run.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use crate::client::{Client, Protocol, Step};
use crate::exec::{self, guarded};
use crate::peers;
use crate::server::Cluster;

const LIMIT: Duration = Duration::from_secs(120);

pub const CLIENT: Client = Client {
    name: "redis-cli",
    protocol: Protocol::Redis,
    prepare: peers::redis_cli,
    run,
};

/// Name, commands, and a text that the output must have (so that an empty output fails).
type Scenario = (&'static str, &'static str, &'static str);

const SCENARIOS: [Scenario; 8] = [
    (
        "strings",
        include_str!("redis_cli/strings.txt"),
        "WRONGTYPE",
    ),
    ("locks", include_str!("redis_cli/locks.txt"), "(nil)"),
    ("hashes", include_str!("redis_cli/hashes.txt"), "WRONGTYPE"),
    (
        "expiry",
        include_str!("redis_cli/expiry.txt"),
        "(integer) -2",
    ),
    ("keys", include_str!("redis_cli/keys.txt"), "string"),
    (
        "transactions",
        include_str!("redis_cli/transactions.txt"),
        "EXECABORT",
    ),
    ("scripts", include_str!("redis_cli/scripts.txt"), "NOSCRIPT"),
    (
        "errors",
        include_str!("redis_cli/errors.txt"),
        "unknown command",
    ),
];

/// What redis-cli adds to an answer that took more than half a second, on a busy machine.
static SLOW: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^\(\d+\.\d\ds\)\n").expect("a valid pattern"));

/// Scripts and what redis-server 7.0.15 answered to them (see the file's own test).
const RECORDED: &str = include_str!("../../../gateway/src/redis/program/lua/tests/recorded.txt");

fn run(program: &Path, server: &Cluster) -> Vec<Step> {
    let recorded = recorded_commands();
    let lua = ("lua", recorded.as_str(), "attempt to index");
    let mut steps = Vec::new();
    for protocol in ["2", "3"] {
        for (name, commands, wanted) in SCENARIOS.iter().copied().chain([lua]) {
            steps.push(Step {
                name: format!("resp{protocol}-{name}"),
                result: play(program, server, protocol, commands, wanted),
            });
        }
    }
    steps
}

fn play(
    program: &Path,
    server: &Cluster,
    protocol: &str,
    commands: &str,
    wanted: &str,
) -> Result<String, String> {
    let address = server.redis_address();
    let (host, port) = address.split_once(':').ok_or("an address without a port")?;
    let mut command = guarded(program);
    command.args(["-h", host, "-p", port, &format!("-{protocol}"), "--no-raw"]);
    let input = format!("FLUSHALL\n{commands}");
    let finished = exec::run(command, &input, LIMIT)?;
    let output = SLOW.replace_all(&finished.success()?, "").into_owned();
    if output.contains(wanted) {
        Ok(output)
    } else {
        Err(format!("no `{wanted}` in:\n{output}"))
    }
}

/// Each recorded script as an EVAL on an empty database. The file's escapes are redis-cli's too.
fn recorded_commands() -> String {
    let scripts = RECORDED.lines().filter_map(|line| line.split_once('\t'));
    // redis-cli cannot show a big number; and in Redis a depth set by one script holds for the
    // scripts after it.
    let left_out = ["big_number", "encode_max_depth(2)"];
    let scripts = scripts.filter(|(script, _)| !left_out.iter().any(|part| script.contains(part)));
    scripts
        .map(|(script, _)| {
            let script = script.replace('"', "\\\"");
            format!("FLUSHALL\nEVAL \"{script}\" 2 k1 k2 a1 a2\n")
        })
        .collect()
}
