//! A script in network and process namespaces of its own: every loopback port is free there, nobody
//! else sees what listens, and all processes in it end with it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::exec::{self, guarded};
use crate::trouble::Trouble;

const TRY_LIMIT: Duration = Duration::from_secs(10);

/// What makes the namespaces (no root needed) and their loopback device.
const ENTER: [&str; 8] = [
    "--user",
    "--map-root-user",
    "--net",
    "--pid",
    "--fork",
    "--kill-child",
    "bash",
    "-c",
];

/// A command that runs the bash `script` in the directory `within`.
pub fn alone(script: &str, within: &Path) -> Result<Command, Trouble> {
    exec::run(enter("true"), "", TRY_LIMIT)
        .and_then(exec::Finished::success)
        .map_err(|why| Trouble::left_out("namespaces (unshare, ip)", why))?;
    let mut command = enter(script);
    command.current_dir(within);
    Ok(command)
}

fn enter(script: &str) -> Command {
    let mut command = guarded("unshare");
    command
        .args(ENTER)
        .arg(format!("ip link set lo up || exit 1\n{script}"));
    command
}
