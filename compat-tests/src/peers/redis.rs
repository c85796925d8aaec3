//! redis-server and redis-cli from Debian, installed when the machine has none.

use std::path::PathBuf;
use std::sync::Mutex;

use super::{debian, on_path};
use crate::trouble::Trouble;

/// The Redis server.
pub fn redis_server() -> Result<PathBuf, Trouble> {
    installed("redis-server", "redis-server")
}

/// redis-cli.
pub fn redis_cli() -> Result<PathBuf, Trouble> {
    installed("redis-cli", "redis-tools")
}

fn installed(program: &str, package: &str) -> Result<PathBuf, Trouble> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().expect("no holder of this lock panics");
    if let Some(path) = on_path(program) {
        return Ok(path);
    }
    debian::install(package)?;
    on_path(program)
        .ok_or_else(|| Trouble::left_out(program, format!("{package} did not bring it")))
}
